"""What a campaign has cost, and what it saved against another."""
