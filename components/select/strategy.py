"""What a strategy is: candidates in, row indices out, with a declaration of what it reads.

Candidates cut down or rearranged by rows.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.models.head import LinearHead

PER_CANDIDATE = ("features", "probs", "disagreements", "mutual_information", "losses", "texts", "groups")
"""The fields of `Candidates` that hold one row for each id."""

PER_LABELLED = ("labelled_ids", "labelled_features", "labelled_classes")
"""The fields of `Candidates` that hold one row for each labelled sample."""


@dataclass(frozen=True)
class Candidates:
    """The unlabelled pool, and what is known about it. Everything but `ids` is optional.

    Attributes:
        ids: N distinct sample ids.
        features: (N, d) float16 or float32.
        probs: (N, C), rows sum to 1.
        labelled_ids: L distinct sample ids; without them results may depend on the order of labelled rows.
        labelled_features: (L, d).
        labelled_classes: (L,) class indices.
        head: the current classification head, or of a model with a hidden layer the last layer.
        cycle: the cycle that asks, which varies random strategies from cycle to cycle.
        disagreements: (N,) integers, passes with dropout whose class differs from the one without.
        mutual_information: (N,) nats, between the prediction and the dropout mask (BALD).
        losses: (N,) at least 0, the current model's loss on each sample, where labels of the pool are known.
        texts: (N, t) embeddings of the samples' captions.
        groups: (N,) the group that each sample belongs to, such as a camera or a site; empty text for none.
    """

    ids: npt.NDArray[np.str_]
    features: npt.NDArray[np.floating] | None = None
    probs: npt.NDArray[np.floating] | None = None
    labelled_ids: npt.NDArray[np.str_] | None = None
    labelled_features: npt.NDArray[np.floating] | None = None
    labelled_classes: npt.NDArray[np.integer] | None = None
    head: LinearHead | None = None
    cycle: int = 0
    disagreements: npt.NDArray[np.integer] | None = None
    mutual_information: npt.NDArray[np.floating] | None = None
    losses: npt.NDArray[np.floating] | None = None
    texts: npt.NDArray[np.floating] | None = None
    groups: npt.NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Picks:
    """What a strategy returns: rows in rank order, and what there is to say about each.

    Attributes:
        rows: (B,) distinct row indices of the pool.
        scores: (B,) what the strategy ranked by.
        reasons: B short texts for people.
        clusters: (B,) number of the cluster that a pick stands for, -1 for none; None where nothing is clustered.
        represents: (B,) how many samples of the pool a pick stands for, itself among them; None as above.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    reasons: list[str]
    clusters: npt.NDArray[np.int64] | None = None
    represents: npt.NDArray[np.int64] | None = None


StrategyFunction = Callable[..., Picks]
"""`(pool: Candidates, budget: int, seed: int, **parameters) -> Picks`: `budget` distinct rows of the pool, best first.

`budget` is between 1 and N; the pool is sorted by id; parameters are the strategy's own, each with a default.
"""


@dataclass(frozen=True)
class Strategy:
    """A registered strategy.

    Attributes:
        name: what recipes call it.
        choose: the function.
        needs: optional fields of `Candidates` without which it cannot work.
        uses: optional fields that it takes into account where they are given.
        options: for parameters that switch something on, the fields that it needs besides when they are set.
        of_last_layer: whether its features are those that the model's last layer sees, which is `head`.
        version: of the algorithm, from 1; with another one the same inputs give other picks.
    """

    name: str
    choose: StrategyFunction
    needs: frozenset[str]
    uses: frozenset[str]
    options: Mapping[str, frozenset[str]]
    of_last_layer: bool = False
    version: int = 1

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of its own parameters."""
        return frozenset(inspect.signature(self.choose).parameters) - {"pool", "budget", "seed"}

    def needs_with(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        """Every optional field of `Candidates` without which it cannot work with these parameters."""
        return self.needs.union(*(fields for name, fields in self.options.items() if parameters.get(name)))

    def reads_with(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        """Every optional field of `Candidates` that it looks at with these parameters."""
        return self.needs_with(parameters) | self.uses


def take_rows(pool: Candidates, rows: npt.NDArray[np.integer]) -> Candidates:
    """The candidates of these rows, in this order, with everything that belongs to them."""
    arrays = {name: getattr(pool, name)[rows] for name in PER_CANDIDATE if getattr(pool, name) is not None}
    return replace(pool, ids=pool.ids[rows], **arrays)


def sorted_by_id(pool: Candidates) -> Candidates:
    """Candidates and labelled samples, each in the order of their ids; what is in that order already is not copied.

    Labelled samples without ids stay as they are.

    Raises:
        InputError: an id occurs twice, or is both labelled and a candidate.
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
    positions = np.searchsorted(candidates, labelled)
    inside = positions < len(candidates)
    both = labelled[inside][candidates[positions[inside]] == labelled[inside]]
    if len(both):
        raise InputError(f"Id {str(both[0])!r} is both labelled and a candidate. Leave it out of the candidates.")
