"""Damage done to the objects of a campaign: each is named, and nothing is ever made from it."""
