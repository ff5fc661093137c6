"""`make bench-methods`: the methods of the four papers on real images, each table from runs of its own command."""
