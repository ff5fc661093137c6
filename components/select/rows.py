"""Candidates cut down or rearranged by rows."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelcycle.components.select.strategy import PER_CANDIDATE, PER_LABELLED, Candidates


def take_rows(pool: Candidates, rows: npt.NDArray[np.integer]) -> Candidates:
    """The candidates of these rows, in this order, with everything that belongs to them."""
    arrays = {name: getattr(pool, name)[rows] for name in PER_CANDIDATE if getattr(pool, name) is not None}
    return replace(pool, ids=pool.ids[rows], **arrays)


def sorted_by_id(pool: Candidates) -> Candidates:
    """Candidates and labelled samples, each in the order of their ids; what is in that order already is not copied.

    Labelled samples without ids stay as they are.
    """
    if not _ordered(pool.ids):
        pool = take_rows(pool, np.argsort(pool.ids, kind="stable"))
    if pool.labelled_ids is None or _ordered(pool.labelled_ids):
        return pool
    order = np.argsort(pool.labelled_ids, kind="stable")
    arrays = {name: getattr(pool, name)[order] for name in PER_LABELLED if getattr(pool, name) is not None}
    return replace(pool, **arrays)


def _ordered(ids: npt.NDArray[np.str_]) -> bool:
    return bool((ids[1:] > ids[:-1]).all())
