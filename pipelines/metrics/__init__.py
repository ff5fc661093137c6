"""`labelcycle metrics`: a campaign's figures in Prometheus' text format."""
