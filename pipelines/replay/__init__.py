"""Choosing the query of a past cycle again, to see that it comes out the same."""
