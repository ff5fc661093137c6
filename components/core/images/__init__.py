"""Images as users have them: where they lie, and how their bytes become RGB pixels or a reason to set them aside."""
