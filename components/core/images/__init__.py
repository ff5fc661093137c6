"""Images: where they lie, by themselves or within other files, and how bytes become pixels or a reason to set aside."""
