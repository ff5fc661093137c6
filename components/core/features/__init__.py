"""Feature spaces, half precision, and work on large arrays in blocks and in the order of ids."""
