"""Telling people what they wait for: a signed webhook, and e-mail, at most once an event and cycle."""
