"""People's labels: how a query reaches them, and how their answers are read and settled."""
