"""Whether there is anything new in a campaign, at the price of a look at a name and a listing of hand-outs."""

from dataclasses import dataclass

from labelcycle.components.core.at_once import until_none
from labelcycle.components.core.commits import commit_key
from labelcycle.components.core.storage import Store


@dataclass(frozen=True)
class Mark:
    """What was there at the last look: how many commits, and which hand-outs and receipts."""

    commits: int = 0
    handed_out: tuple[str, ...] = ()


def mark_of(store: Store, before: Mark | None = None) -> Mark:
    """What is there now; commits that were there before are taken as there.

    Cost: one look for each new commit and one for the next, and a listing of `queries/`.
    """
    commits = before.commits if before is not None else 0
    commits += len(list(until_none(lambda further: store.exists(commit_key(commits + further)) or None)))
    return Mark(commits, tuple(store.keys("queries/")))
