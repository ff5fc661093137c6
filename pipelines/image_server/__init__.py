"""Serving a campaign's images to a labelling tool."""
