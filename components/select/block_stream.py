"""Results of row blocks one after another, for sums over a pool whose partial results are large."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from labelcycle.components.core.blocks import BLOCK_ROWS, for_each_block

Result = TypeVar("Result")

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
