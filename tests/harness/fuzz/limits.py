"""Bounds on what reading may take: address space beside what the process has, and time."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTE = 1024 * 1024


def address_space() -> int:
    """Bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def peak_memory() -> int:
    """The largest resident memory of this process until now, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def memory_limit(megabytes: int) -> Iterator[None]:
    """Let the process take so much address space beside what it has; what asks for more gets a `MemoryError`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = address_space() + megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
