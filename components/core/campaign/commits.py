"""Commits: a cycle exists if and only if its `commit.json` exists. Nothing is read before a commit names it."""

from functools import cached_property

from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import until_none
from labelcycle.components.core.storage.objects import RESTORE, ObjectReference, read_sealed, sealed


class Commit(Settings):
    """What a finished cycle consists of: its attempt, and its objects by name."""

    cycle: int
    attempt: str
    objects: dict[str, ObjectReference]

    def as_bytes(self) -> bytes:
        """The content of `commit.json`."""
        return sealed(self.model_dump(mode="json"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the commit's content, which names everything the cycle depends on."""
        return digest_of_bytes(self.as_bytes())


def attempt_key(cycle: int, attempt: str, name: str) -> str:
    """Where an attempt at a cycle keeps the object called `name`."""
    return f"cycles/{cycle}/{attempt}/{name}"


def commit_key(cycle: int) -> str:
    """Where the commit of a cycle is."""
    return f"cycles/{cycle}/commit.json"


def write_commit(store: Store, commit: Commit) -> bool:
    """Commit a cycle by a conditional write. Returns whether the cycle is now committed by this very commit.

    False means that another attempt won; this one then changes nothing.
    """
    if store.write_if_absent(commit_key(commit.cycle), commit.as_bytes()):
        return True
    return read_commit(store, commit.cycle) == commit


def read_commit(store: Store, cycle: int) -> Commit | None:
    """The commit of a cycle, or None while there is none.

    Raises:
        CampaignError: the object is there but is no commit of this cycle, or was changed.
    """
    commit = read_sealed(store, commit_key(cycle), Commit, "a commit")
    if commit is not None and commit.cycle != cycle:
        address = store.locate(commit_key(cycle))
        raise CampaignError(f"{address} is the commit of cycle {commit.cycle}, not {cycle}. {RESTORE}")
    return commit


def read_commits(store: Store) -> list[Commit]:
    """All commits, in order from cycle 0, read several at once."""
    return list(until_none(lambda cycle: read_commit(store, cycle)))


def newest_commit(store: Store) -> Commit | None:
    """The commit of the last cycle that has one, or None before the first.

    Cost: one listing of the cycles' names, and one or two small reads: at most one cycle has no commit yet.
    """
    cycles = sorted(int(name) for name in store.folders("cycles/") if name.isdecimal())
    return next((commit for cycle in reversed(cycles) if (commit := read_commit(store, cycle)) is not None), None)
