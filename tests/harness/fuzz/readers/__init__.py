"""One module for each kind of reader: its targets and their seeds."""
