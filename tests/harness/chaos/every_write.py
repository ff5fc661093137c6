"""Crash points that together are every write of a campaign, each at each of its moments.

A campaign may be killed once in its beginning and once in each cycle: what is left of a cycle once it is committed does
not depend on how it came to its commit, which is what each trial holds. So one campaign has a crash point from each of
these, and as many campaigns are made as the largest of them has points.
"""

import itertools

from tests.harness.chaos.crash_points import FOLDER_MOMENTS, S3_MOMENTS, CrashPoint
from tests.harness.chaos.trial import Reference
from tests.harness.committed_objects import cycle_that_wrote


def every_write(reference: Reference, on_s3: bool) -> list[list[CrashPoint]]:
    """The crash points of each campaign, in the order in which they come."""
    keys = dict.fromkeys(itertools.chain.from_iterable(reference.writes))
    parts: dict[str, list[CrashPoint]] = {}
    cycle = "beginning"
    for key in keys:
        cycle = _cycle(key) or cycle
        moments = S3_MOMENTS if on_s3 else FOLDER_MOMENTS
        parts.setdefault(cycle, []).extend(CrashPoint(moment, key=key) for moment in moments)
    rows = itertools.zip_longest(*parts.values())
    return [[point for point in row if point is not None] for row in rows]


def _cycle(key: str) -> str:
    """Where a key says of which cycle it is."""
    cycle = cycle_that_wrote(key)
    return "promotions" if key.startswith("promotions/") else "" if cycle is None else str(cycle)
