"""Labelled samples → a classification head, and an adapter of the backbone where the recipe trains one."""
