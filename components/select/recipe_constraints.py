"""What the constraints of a recipe look at, and what they come to for one query."""

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.queries import queried_ids
from labelcycle.components.core.config.query_choice import Choice, Selector
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.select.constraints import Constraints
from labelcycle.components.select.rare_classes import NEEDS, USES
from labelcycle.components.select.strategy import Candidates


def read_by_constraints(choice: Choice) -> frozenset[str]:
    """The optional fields of `Candidates` that the constraints of a recipe look at."""
    reads: set[str] = set()
    if choice.near_duplicates is not None:
        reads |= {"features", "labelled_features"}
    if choice.quotas:
        reads.add("groups")
    if rare_share(choice):
        reads |= NEEDS | USES
    return frozenset(reads)


def gather_constraints(work: Attempt, choice: Choice, pool: Candidates) -> Constraints:
    """What the query is held to, less what cannot hold any more.

    Samples to leave out or to include count only while they are candidates, and quotas while their group has any. A
    sample that must be included but was never asked for and is no candidate cannot be read; a notice says so.

    Args:
        work: the attempt.
        choice: the settings of the cold start or of the selector.
        pool: the candidates, with groups where there are quotas.
    """
    selector = work.campaign.recipe.selector
    candidates = set(pool.ids.tolist()) if selector.exclude or selector.include else set()
    lost = [name for name in selector.include if name not in candidates]
    if lost:
        asked = queried_ids(work)
        unreadable = [name for name in lost if name not in asked]
        if unreadable:
            notice(
                f"{len(unreadable)} samples that must be included cannot be read and are left out, first "
                f"{unreadable[0]!r}."
            )
    groups = set() if pool.groups is None else set(pool.groups.tolist())
    return Constraints(
        exclude=[name for name in selector.exclude if name in candidates],
        include=[name for name in selector.include if name in candidates],
        explore=choice.explore,
        quotas={group: quota for group, quota in choice.quotas.items() if group in groups},
        near_duplicates=choice.near_duplicates,
        rare_classes=rare_share(choice),
    )


def rare_share(choice: Choice) -> float:
    """The share of a query for rare classes; the cold start knows none."""
    return choice.rare_classes if isinstance(choice, Selector) else 0.0
