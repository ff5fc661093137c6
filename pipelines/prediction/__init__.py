"""Predictions at the size of a pool: started once, made in shards, and committed as one object that names all parts."""
