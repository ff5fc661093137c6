"""What was fetched once is not fetched again, within a bound of bytes; only what its digest names is given."""

from pathlib import Path

import pytest

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.fetched import Fetched, fetched_from
from labelcycle.components.core.storage.objects import fetch_object, read_named, read_object, write_object
from tests.harness.recording_store import RecordingStore


def test_an_object_is_read_once(store: Store) -> None:
    reference = write_object(store, "a.bin", b"content")
    recording = RecordingStore(store)
    for _ in range(3):
        assert read_object(recording, reference) == b"content"
    assert recording.requests["read"] == 1


def test_a_file_is_fetched_once_while_nobody_touches_it(store_root: str) -> None:
    store = open_store(store_root)
    reference = write_object(store, "a.bin", b"content")
    recording = RecordingStore(store)
    paths = [fetch_object(recording, reference) for _ in range(3)]
    assert recording.requests["fetch"] == 1 and paths[2].read_bytes() == b"content"


def test_a_file_that_was_touched_is_looked_at_again(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "root"))
    reference = write_object(store, "a.bin", b"content")
    fetch_object(store, reference).write_bytes(b"damaged")
    with pytest.raises(CampaignError, match="was changed after it was written"):
        fetch_object(store, reference)


def test_other_digests_are_other_objects(store: Store) -> None:
    first = write_object(store, "a.bin", b"first")
    assert read_object(store, first) == b"first"
    second = write_object(store, "a.bin", b"second")
    assert (read_object(store, first), read_object(store, second)) == (b"first", b"second")


def test_large_objects_that_nobody_asks_for_again_are_not_kept(store: Store) -> None:
    digest = write_object(store, "a.bin", b"content").sha256
    key = f"named-{digest[:16]}.bin"
    store.write(key, b"content")
    read_named(store, key, once=False)
    assert fetched_from(store).size == 0
    read_named(store, key)
    assert fetched_from(store).size == len(b"content")


def test_those_used_longest_ago_make_room() -> None:
    kept = Fetched(bound=10)
    kept.keep("a", "1", b"aaaa")
    kept.keep("b", "2", b"bbbb")
    assert kept.content("a", "1") == b"aaaa"
    kept.keep("c", "3", b"cccc")
    assert (kept.content("a", "1"), kept.content("b", "2"), kept.content("c", "3")) == (b"aaaa", None, b"cccc")
    assert kept.size == 8


def test_what_is_beyond_the_bound_is_not_kept() -> None:
    kept = Fetched(bound=3)
    kept.keep("a", "1", b"aaaa")
    assert kept.content("a", "1") is None and kept.size == 0


def test_stores_keep_apart(store: Store, tmp_path: Path) -> None:
    other = open_store(str(tmp_path / "other"))
    assert fetched_from(store) is fetched_from(store) is not fetched_from(other)
