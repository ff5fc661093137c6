"""The campaign: its description, its commits, attempts at its next cycle, its state, votes and queries."""
