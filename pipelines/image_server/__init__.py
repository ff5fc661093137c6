"""Serves the image files of a campaign's pool, read-only, to the browsers of those who label."""
