"""What a campaign takes that is large or old: a pool of a million rows, 100,000 labels, a thousand cycles."""
