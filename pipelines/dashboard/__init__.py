"""Where a campaign stands, in the terminal: `labelcycle status`."""
