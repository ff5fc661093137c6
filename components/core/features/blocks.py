"""Work over the rows of a large array in blocks: bounded memory, all cores, and the same result for any number of them.

A block is computed by one thread, and matrix products inside it use one thread too. Its floating-point sums therefore
never depend on how many cores there are. Results that are large in themselves can be taken one after another.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy  # noqa: F401  (brings the libraries that are to be found)
from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")

_LIBRARIES = ThreadpoolController()
"""The numerical libraries behind numpy; searching for them takes milliseconds, so it is done once."""

BLOCK_ROWS = 2048
"""Rows of a block: 3 MB of float32 for vectors of 384 numbers, which a core's cache holds."""


def cores() -> int:
    """How many cores this process may use; `OMP_NUM_THREADS` lowers it."""
    available = len(os.sched_getaffinity(0))
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(available, int(wanted)) if wanted.isdigit() and int(wanted) else available


def for_each_block(rows: int, work: Callable[[slice], Result], block_rows: int = BLOCK_ROWS) -> list[Result]:
    """The results of `work` on consecutive slices that together cover `rows` rows, in their order.

    Args:
        rows: how many rows there are.
        work: called for each slice, from several threads at once; it may write to its own rows of shared arrays.
        block_rows: rows of a slice.
    """
    slices = list(blocks_of(rows, block_rows))
    with one_thread_products():
        if len(slices) < 2 or cores() < 2:
            return [work(block) for block in slices]
        with ThreadPoolExecutor(cores()) as pool:
            return list(pool.map(work, slices))


def blocks_of(rows: int, block_rows: int = BLOCK_ROWS) -> Iterator[slice]:
    """Consecutive slices of at most `block_rows` rows that together cover `rows` rows."""
    for start in range(0, rows, block_rows):
        yield slice(start, min(start + block_rows, rows))


@contextmanager
def one_thread_products() -> Iterator[None]:
    """Matrix products inside use one thread, so that their sums are the same on any machine of a kind."""
    with _LIBRARIES.limit(limits=1, user_api="blas"):
        yield


AT_ONCE = 8
"""Blocks that are computed before any of their results is handed on."""

NUMBERS_OF_A_BLOCK = 2**22
"""How many numbers a block of rows may give rise to: 16 MB of float32 a core."""


def block_rows_for(columns: int) -> int:
    """Rows of a block for work that makes `columns` numbers of each row: fewer than usual where these are many."""
    return max(64, min(BLOCK_ROWS, NUMBERS_OF_A_BLOCK // max(columns, 1)))


def blocks_in_turn(
    rows: int, work: Callable[[slice], Result], block_rows: int = BLOCK_ROWS, at_once: int = AT_ONCE
) -> Iterator[Result]:
    """What `for_each_block` returns, handed on in the same order while no more than `at_once` results are held.

    Sums in this order are the same for any number of cores.

    Args:
        rows: how many rows there are.
        work: called for each slice of rows, from several threads at once.
        block_rows: rows of a slice.
        at_once: results that are held.
    """
    step = at_once * block_rows
    for start in range(0, rows, step):
        yield from for_each_block(min(step, rows - start), _moved(work, start), block_rows)


def _moved(work: Callable[[slice], Result], by: int) -> Callable[[slice], Result]:
    return lambda rows: work(slice(rows.start + by, rows.stop + by))
