"""Candidates cut down or rearranged by rows."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import InputError
from labelcycle.components.select.strategy import PER_CANDIDATE, PER_LABELLED, Candidates


def take_rows(pool: Candidates, rows: npt.NDArray[np.integer]) -> Candidates:
    """The candidates of these rows, in this order, with everything that belongs to them."""
    arrays = {name: getattr(pool, name)[rows] for name in PER_CANDIDATE if getattr(pool, name) is not None}
    return replace(pool, ids=pool.ids[rows], **arrays)


def sorted_by_id(pool: Candidates) -> Candidates:
    """Candidates and labelled samples, each in the order of their ids; what is in that order already is not copied.

    Labelled samples without ids stay as they are.

    Raises:
        InputError: an id occurs twice, or is labelled and a candidate at once.
    """
    order = _order(pool.ids, "candidates")
    if order is not None:
        pool = take_rows(pool, order)
    labelled = pool.labelled_ids
    if labelled is None:
        return pool
    order = _order(labelled, "labelled samples")
    if order is not None:
        arrays = {name: getattr(pool, name)[order] for name in PER_LABELLED if getattr(pool, name) is not None}
        pool = replace(pool, **arrays)
        labelled = labelled[order]
    _refuse_candidates(labelled, pool.ids)
    return pool


def _order(ids: npt.NDArray[np.str_], whose: str) -> npt.NDArray[np.int64] | None:
    """The order that sorts the ids; None where they are in order."""
    if (ids[1:] > ids[:-1]).all():
        return None
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(again):
        raise InputError(f"The {whose} hold id {str(again[0])!r} more than once. Ids must be unique.")
    return order


def _refuse_candidates(labelled: npt.NDArray[np.str_], candidates: npt.NDArray[np.str_]) -> None:
    places = np.searchsorted(candidates, labelled)
    inside = places < len(candidates)
    both = labelled[inside][candidates[places[inside]] == labelled[inside]]
    if len(both):
        raise InputError(f"Id {str(both[0])!r} is labelled and a candidate at once. Leave it out of the candidates.")
