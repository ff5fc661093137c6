"""Candidates cut down or rearranged by rows."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelcycle.components.select.strategy import PER_CANDIDATE, Candidates


def take_rows(pool: Candidates, rows: npt.NDArray[np.integer]) -> Candidates:
    """The candidates of these rows, in this order, with everything that belongs to them."""
    arrays = {name: getattr(pool, name)[rows] for name in PER_CANDIDATE if getattr(pool, name) is not None}
    return replace(pool, ids=pool.ids[rows], **arrays)


def sorted_by_id(pool: Candidates) -> Candidates:
    """The candidates in the order of their ids; no copy is made of what is in that order already."""
    if (pool.ids[1:] > pool.ids[:-1]).all():
        return pool
    return take_rows(pool, np.argsort(pool.ids, kind="stable"))
