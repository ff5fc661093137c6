"""What a campaign's models are used for: predictions of new images, and export."""
