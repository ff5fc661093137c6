"""Choosing training data from a labelled pool: what it saved in batches, and whole arms in memory."""
