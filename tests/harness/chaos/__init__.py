"""Chaos: campaigns that are killed at random moments and at every write, and must end as if nothing had happened.

`python -m tests.harness.chaos --kills 200 --seed 7` begins campaigns of several kinds in folders and on an S3 server of
its own, kills them, goes on with them, kills them again, and compares what they end with to what an undisturbed
campaign ends with, byte for byte.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""A process that is copied may have one thread, so the numerical libraries may begin none."""
