"""Races: many runners on one campaign at once, of which one may win each cycle and none may do harm.

`python -m tests.harness.races --races 36 --seed 7` races in several ways in folders and on an S3 server of its own.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""A process that is copied may have one thread, so the numerical libraries may begin none."""
