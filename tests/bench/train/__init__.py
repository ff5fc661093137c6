"""`make bench-train`: what training costs."""
