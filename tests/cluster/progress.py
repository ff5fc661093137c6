"""Lines that say what a long step is, and when it is done how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say that something begins, and at its end the seconds that it took, or that it failed."""
    tell(f"{what} …")
    began = time.monotonic()
    try:
        yield
    except BaseException:
        tell(f"{what}: failed after {time.monotonic() - began:.1f} s")
        raise
    tell(f"{what}: {time.monotonic() - began:.1f} s")


def tell(line: str) -> None:
    """Print a line with the time, at once."""
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)
