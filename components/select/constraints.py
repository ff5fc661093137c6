"""What holds for a query whatever the strategy: samples left out or included, shares, quotas, no duplicates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.near_duplicates import without_near_duplicates
from labelcycle.components.select.rare_classes import NEEDS as RARE_CLASSES_NEED
from labelcycle.components.select.rare_classes import picks_of_rare_classes
from labelcycle.components.select.strategy import Candidates, Picks, take_rows

Ask = Callable[[Candidates, int], Picks]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Constraints:
    """What must hold for the query.

    Attributes:
        exclude: ids that must not be asked for.
        include: ids that must be asked for, before all others.
        explore: share of the budget that is drawn at random from all candidates, between 0 and 1. Labels of these
            picks, marked as explored, give unbiased estimates over the pool, which a strategy's own picks do not.
        quotas: how many picks each named group gets, as far as it has candidates; all other picks come from groups that
            are not named. Quotas apply to what the strategy chooses.
        near_duplicates: cosine similarity from which two samples count as the same; of such samples only one is a
            candidate, and none where a labelled sample is the same. None keeps all.
        rare_classes: share of the budget for the classes with the fewest labels, between 0 and 1; as far as candidates
            are taken for these.
    """

    exclude: Sequence[str] = ()
    include: Sequence[str] = ()
    explore: float = 0.0
    quotas: Mapping[str, int] = field(default_factory=dict)
    near_duplicates: float | None = None
    rare_classes: float = 0.0

    def __post_init__(self) -> None:
        """Refuse settings that contradict themselves.

        Raises:
            ConfigurationError: a share outside 0 to 1, a quota below 0, an id both excluded and included.
        """
        for name in ("explore", "rare_classes"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"{name} is a share of the query, between 0 and 1; got {getattr(self, name)}.")
        if self.near_duplicates is not None and not 0 < self.near_duplicates <= 1:
            raise ConfigurationError(
                f"near_duplicates is a cosine similarity, above 0 and at most 1; got {self.near_duplicates}."
            )
        for group, quota in self.quotas.items():
            if quota < 0:
                raise ConfigurationError(f"The quota of group {group!r} is {quota}; it must be at least 0.")
        both = sorted(set(self.exclude) & set(self.include))
        if both:
            raise ConfigurationError(f"Id {both[0]!r} is both excluded and included. Remove it from one of the lists.")


UNCONSTRAINED = Constraints()
"""No constraint: the strategy alone decides."""


def choose_within(
    constraints: Constraints, pool: Candidates, budget: int, seed: int, ask: Ask
) -> tuple[Picks, npt.NDArray[np.bool_]]:
    """Choose within the constraints: what must be included, for rare classes, by the strategy, then at random.

    Args:
        constraints: what must hold.
        pool: candidates sorted by id.
        budget: how many picks, at least 1.
        seed: decides the random share.
        ask: the strategy, given candidates and how many of them to choose.

    Returns:
        Picks with rows of `pool`, and which of them were drawn at random, (picks,). As many as the budget, or as there
        are candidates; where the quotas of all groups leave a budget unspent, it is spent regardless of them.

    Raises:
        InputError: an excluded or included id that is no candidate.
        ConfigurationError: quotas without groups, a group that no candidate has, near-duplicates without features,
            rare classes without probabilities or labels.
    """
    if constraints == UNCONSTRAINED:
        picks = ask(pool, min(budget, len(pool))) if len(pool) else _constant(np.empty(0, np.int64), "")
        return picks, np.zeros(len(picks.rows), np.bool_)
    included = _rows_of(pool, constraints.include, "included")[:budget]
    free = np.ones(len(pool), np.bool_)
    free[_rows_of(pool, constraints.exclude, "excluded")] = False
    if constraints.near_duplicates is not None:
        kept = without_near_duplicates(pool, np.flatnonzero(free), included, constraints.near_duplicates, seed)
        free[:] = False
        free[kept] = True
    free[included] = False
    parts = [_constant(included, "must be included")]
    left = min(budget - len(included), int(free.sum()))
    explored = _explored(constraints, pool, np.flatnonzero(free), left, budget, seed)
    free[explored] = False
    left -= len(explored)
    for picks in _for_rare_classes(constraints, pool, free, min(left, round(constraints.rare_classes * budget)), ask):
        parts.append(picks)
        free[picks.rows] = False
        left -= len(picks.rows)
    for members, quota in _shares(constraints.quotas, pool, free, left):
        rows = np.flatnonzero(members & free)
        size = min(quota, left, len(rows))
        if size:
            picks = _of_pool(ask(pool if len(rows) == len(pool) else take_rows(pool, rows), size), rows)
            parts.append(picks)
            free[picks.rows] = False
            left -= size
    parts.append(_constant(explored, "explore: drawn at random"))
    random = np.zeros(sum(len(part.rows) for part in parts), dtype=np.bool_)
    random[len(random) - len(explored) :] = True
    return _joined(parts), random


def _rows_of(pool: Candidates, ids: Sequence[str], how: str) -> Rows:
    wanted = np.array(list(dict.fromkeys(ids)), dtype=np.str_)
    rows = np.searchsorted(pool.ids, wanted)
    there = rows < len(pool)
    there[there] = pool.ids[rows[there]] == wanted[there]
    if not there.all():
        raise InputError(f"Id {str(wanted[~there][0])!r} is to be {how} but is not a candidate. Correct or remove it.")
    return rows.astype(np.int64)


def _explored(constraints: Constraints, pool: Candidates, available: Rows, left: int, budget: int, seed: int) -> Rows:
    size = min(left, round(constraints.explore * budget))
    if not size:
        return np.empty(0, np.int64)
    numbers = keyed_order(pool.ids[available], seed, pool.cycle, "explore")
    return available[np.lexsort((pool.ids[available], numbers))[:size]]


def _for_rare_classes(constraints: Constraints, pool: Candidates, free: Mask, size: int, ask: Ask) -> list[Picks]:
    if not constraints.rare_classes:
        return []
    missing = sorted(need for need in RARE_CLASSES_NEED if getattr(pool, need) is None)
    if missing:
        raise ConfigurationError(f"rare_classes needs {', '.join(missing)}, which the candidates lack.")
    return picks_of_rare_classes(pool, free, size, ask) if size else []


def _shares(quotas: Mapping[str, int], pool: Candidates, free: Mask, left: int) -> list[tuple[Mask, int]]:
    """Rows and how many of them to choose: for each named group, then for all others, then for what is left over.

    Where fewer picks are left than the quotas add up to, all quotas are cut in proportion.
    """
    if not quotas:
        return [(free.copy(), left)]
    if pool.groups is None:
        raise ConfigurationError("Quotas need groups, which the candidates lack.")
    unknown = sorted(set(quotas) - set(pool.groups.tolist()))
    if unknown:
        raise ConfigurationError(f"There is a quota for group {unknown[0]!r}, which no candidate belongs to.")
    total = sum(quotas.values())
    shares = [
        (pool.groups == group, quota * min(left, total) // max(total, 1)) for group, quota in sorted(quotas.items())
    ]
    others = ~np.isin(pool.groups, list(quotas))
    return [*shares, (others, left), (free.copy(), left)]


def _of_pool(picks: Picks, rows: Rows) -> Picks:
    return Picks(rows[picks.rows], picks.scores, picks.reasons, picks.clusters, picks.represents)


def _constant(rows: Rows, reason: str) -> Picks:
    return Picks(rows, np.zeros(len(rows)), [reason] * len(rows))


def _joined(parts: Sequence[Picks]) -> Picks:
    """Picks after one another. Clusters are numbered on from part to part; what is not clustered has number -1."""
    clusters: list[Rows] = []
    represents: list[Rows] = []
    first = 0
    for part in parts:
        numbers = np.full(len(part.rows), -1) if part.clusters is None else part.clusters
        clusters.append(np.where(numbers < 0, -1, numbers + first))
        first += int(numbers.max(initial=-1)) + 1
        represents.append(np.zeros(len(part.rows), np.int64) if part.represents is None else part.represents)
    return Picks(
        rows=np.concatenate([part.rows for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        reasons=[reason for part in parts for reason in part.reasons],
        clusters=np.concatenate(clusters),
        represents=np.concatenate(represents),
    )
