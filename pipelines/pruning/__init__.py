"""What a campaign's root holds that nothing needs any more, and its deletion."""
