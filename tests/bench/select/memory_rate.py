"""How many bytes a second memory delivers, measured as STREAM does: a large array copied to another."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

BYTES = 2**30
REPEATS = 5


def copy_rate(threads: int) -> float:
    """Bytes read and written a second, by so many threads together; the best of some repeats, pages touched before."""
    source, sink = np.ones(BYTES // 8), np.zeros(BYTES // 8)
    parts = list(zip(np.array_split(source, threads), np.array_split(sink, threads), strict=True))

    def copy() -> float:
        start = time.perf_counter()
        list(pool.map(lambda part: np.copyto(part[1], part[0]), parts))
        return time.perf_counter() - start

    with ThreadPoolExecutor(threads) as pool:
        return 2 * BYTES / min(copy() for _ in range(REPEATS))
