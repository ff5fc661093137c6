"""Commits: one winner, read in order, refused when foreign."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from labelcycle.components.core.campaign.commits import (
    Commit,
    attempt_key,
    commit_key,
    read_commit,
    read_commits,
    write_commit,
)
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference


def commit(cycle: int, attempt: str = "attempt") -> Commit:
    query = ObjectReference(key=attempt_key(cycle, attempt, "query.parquet"), sha256="0" * 64)
    return Commit(cycle=cycle, attempt=attempt, objects={"query": query})


def test_keys() -> None:
    assert attempt_key(3, "0123", "query.parquet") == "cycles/3/0123/query.parquet"
    assert commit_key(3) == "cycles/3/commit.json"


def test_round_trip(store: Store) -> None:
    assert write_commit(store, commit(0))
    assert read_commit(store, 0) == commit(0)


def test_digest_is_of_the_stored_content(store: Store) -> None:
    write_commit(store, commit(0))
    assert commit(0).digest == digest_of_bytes(store.read(commit_key(0)))
    assert commit(0).digest != commit(0, "another").digest


def test_no_commit_yet(store: Store) -> None:
    assert read_commit(store, 0) is None
    assert read_commits(store) == []


def test_committing_the_same_again_counts_as_committed(store: Store) -> None:
    assert write_commit(store, commit(0))
    assert write_commit(store, commit(0))


def test_another_attempt_loses_and_changes_nothing(store: Store) -> None:
    write_commit(store, commit(0, "first"))
    assert not write_commit(store, commit(0, "second"))
    assert read_commit(store, 0) == commit(0, "first")


def test_exactly_one_of_many_attempts_wins(store_root: str) -> None:
    store = open_store(store_root)
    together = threading.Barrier(8)

    def attempt(number: int) -> bool:
        together.wait()
        return write_commit(store, commit(0, f"attempt-{number}"))

    with ThreadPoolExecutor(8) as executor:
        won = list(executor.map(attempt, range(8)))
    assert won.count(True) == 1
    assert read_commit(store, 0) == commit(0, f"attempt-{won.index(True)}")


def test_commits_are_read_in_order(store: Store) -> None:
    for cycle in range(12):
        write_commit(store, commit(cycle))
    assert [found.cycle for found in read_commits(store)] == list(range(12))


def test_reading_ends_at_the_first_gap(store: Store) -> None:
    for cycle in (0, 1, 3):
        write_commit(store, commit(cycle))
    assert [found.cycle for found in read_commits(store)] == [0, 1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not a commit"),
        (b"{", "is not a commit"),
        (b"\xff", "is not a commit"),
        (b"[]", "is not a commit"),
        (json.dumps({"cycle": 1, "attempt": "a"}).encode(), "is not a commit"),
        (json.dumps({"cycle": 1, "attempt": "a", "objects": {}, "more": 1}).encode(), "is not a commit"),
        (commit(0).as_bytes(), "is the commit of cycle 0, not 1"),
    ],
)
def test_foreign_content(store: Store, data: bytes, message: str) -> None:
    store.write(commit_key(1), data)
    with pytest.raises(CampaignError, match=f"cycles/1/commit.json {message}"):
        read_commit(store, 1)
    with pytest.raises(CampaignError, match=message):
        write_commit(store, commit(1))
    assert store.read(commit_key(1)) == data
