"""The demo: what active learning saves on handwritten digits, and one real campaign, on this machine alone."""
