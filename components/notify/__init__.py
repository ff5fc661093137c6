"""The notify stage: tell people of a cycle that failed."""
