"""What a campaign has committed, through its store, wherever it lies: to compare campaigns byte for byte."""

import re

from labelcycle.components.core.campaign.commits import read_commits
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.storage import Store, open_store

PREFIXES = ("labels/", "consensus/", "history/", "pool/", "queries/")


def committed_objects(root: str) -> dict[str, str]:
    """Digests of the campaign's description, commits, all that these name, votes, consensus and queries, by key.

    Not of receipts, which say when a query was delivered, nor of what no commit names.
    """
    store = open_store(root)
    keys = {"campaign.json", *(key for prefix in PREFIXES for key in store.keys(prefix) if not _is_receipt(key))}
    for commit in read_commits(store):
        keys.add(f"cycles/{commit.cycle}/commit.json")
        keys.update(reference.key for reference in commit.objects.values())
    return {key: digest_of_bytes(store.read(key)) for key in sorted(keys)}


def damaged_objects(root: str) -> list[str]:
    """Keys of committed objects whose content is not what their commit says."""
    store = open_store(root)
    named = [reference for commit in read_commits(store) for reference in commit.objects.values()]
    return [one.key for one in named if not _is_intact(store, one.key, one.sha256)]


def cycle_that_wrote(key: str) -> int | None:
    """The cycle for which an object of a cycle was written; None for what belongs to none.

    A history, and its last segments, are written for the cycle after those that they cover.
    """
    named = re.match(r"(?:cycles/|labels/|consensus/)(\d+)\b|history/(\d+)-(?:(\d+)-\D)?|queries/cycle-(\d+)", key)
    if named is None:
        return None
    of_cycle, covered, last, delivered = named.groups()
    return int(last) + 1 if last else int(of_cycle or covered or delivered)


def _is_intact(store: Store, key: str, sha256: str) -> bool:
    try:
        return digest_of_bytes(store.read(key)) == sha256
    except FileNotFoundError:
        return False


def _is_receipt(key: str) -> bool:
    return key.startswith("queries/") and key.endswith(".json")
