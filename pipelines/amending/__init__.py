"""Changing a campaign that has begun."""
