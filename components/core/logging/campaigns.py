"""What a root says about where its work stands, for log lines. What cannot be read is None: no log line fails work."""

import bisect

from labelcycle.components.core.storage import Store, open_store


def campaign_at(root: str) -> str | None:
    """The identifier of the campaign at a root.

    Cost: one small read.
    """
    from labelcycle.components.core.campaign import load_campaign

    try:
        return load_campaign(open_store(root)).identifier
    except Exception:  # the work itself tells what is wrong with the root
        return None


def next_cycle_at(root: str) -> int | None:
    """The first cycle that is not committed.

    Cost: about twice log2 of their number questions to the store, none of which reads or lists anything.
    """
    try:
        return _first_missing(open_store(root))
    except Exception:  # as above
        return None


def _first_missing(store: Store) -> int:
    from labelcycle.components.core.commits import commit_key

    def is_missing(cycle: int) -> bool:
        return not store.exists(commit_key(cycle))

    bound = 1
    while not is_missing(bound - 1):
        bound *= 2
    return bisect.bisect_left(range(bound), True, lo=bound // 2, key=is_missing)
