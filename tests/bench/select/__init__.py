"""`make bench-select`: the strategies against peers, at a million samples, and against what the memory can deliver."""
