"""Profiles: where and with what the stages run on a cluster."""
