"""A model of the commit protocol, explored in every interleaving, with a crash at every step.

`python -m tests.harness.protocol` explores it within larger bounds than the tests do.
"""
