"""Setting up a campaign: from images or embeddings, labels and settings to an immutable description."""
