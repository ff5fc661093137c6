"""`make bench-labels`: which method needs the fewest labels, on features whose labels are known."""
