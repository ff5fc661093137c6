"""Argo: the cycle, the campaign with people in it, its schedule and its start on labels, rendered as manifests."""
