"""The same inputs, seed and lock give the same ids and figures, whatever the threads, the shards and the orders."""
