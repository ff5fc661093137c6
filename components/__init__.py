"""The stages of an active-learning cycle, one folder each, and the core that they stand on."""
