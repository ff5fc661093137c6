"""The index of a feature space: who has it reads what is wanted and nothing else, and nothing depends on it."""

import json
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.space_index import Holding, list_space
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.features.wanted_rows import WantedRows
from labelcycle.components.core.storage import Store
from tests.harness.recording_store import RecordingStore

NAME = "0123456789abcdef"
HELD = Holding(pool="1" * 64, scope="all", samples=6)


def rows(*numbers: float) -> Any:
    return np.array([[number, 0, -number, 1] for number in numbers], np.float16)


def fill(store: Store, *parts: str) -> FeatureSpace:
    """A space with a part for each text, whose letters are its ids."""
    space = FeatureSpace(store, NAME)
    for part in parts:
        space.add(list(part), rows(*map(ord, part)))
    return space


def index_keys(store: Store) -> list[str]:
    return store.keys(f"spaces/{NAME}/index-")


def parts_read(store: Store, read: Any) -> int:
    """How many parts `read` takes from the store, which has to be told the space."""
    recording = RecordingStore(store)
    read(FeatureSpace(recording, NAME))
    return sum("/part-" in key for key in recording.keys_read)


@pytest.fixture
def indexed(store: Store) -> Store:
    space = fill(store, "ab", "cd", "ef")
    space.index_all(space.listing(), HELD)
    return store


def test_only_parts_with_wanted_rows_are_read(indexed: Store) -> None:
    assert parts_read(indexed, lambda space: space.read(["d"])) == 1
    assert parts_read(indexed, lambda space: space.read(["a", "f"])) == 2
    assert parts_read(indexed, lambda space: list(space.parts(["c", "d"]))) == 1
    assert parts_read(indexed, lambda space: space.ids()) == 0


def test_a_part_that_several_want_is_read_once(indexed: Store) -> None:
    def read(space: FeatureSpace) -> None:
        first, second = space.read_together([["a", "c"], ["d", "b", "a"]])
        assert first[0] == ["a", "c"] and second[0] == ["a", "b", "d"]
        assert second[1][:, 0].tolist() == list(map(ord, "abd"))

    assert parts_read(indexed, read) == 2


def test_rows_are_gathered_beside_parts_that_are_read_anyway(indexed: Store) -> None:
    beside = WantedRows(["b", "f"])

    def read(space: FeatureSpace) -> None:
        assert sorted(np.concatenate(list(space.parts("abcd", [beside])))[:, 0]) == list(map(ord, "abcd"))

    assert parts_read(indexed, read) == 3
    assert beside.found()[0] == ["b", "f"] and beside.missing() == set()


def test_parts_that_are_not_indexed_are_read(indexed: Store) -> None:
    fill(indexed, "gh")
    assert FeatureSpace(indexed, NAME).ids() == set("abcdefgh")
    assert FeatureSpace(indexed, NAME).read(["c", "h"])[1][:, 0].tolist() == list(map(ord, "ch"))
    assert parts_read(indexed, lambda space: space.read(["a"])) == 2
    assert list_space(indexed, NAME).holding(HELD.pool, "all") == HELD


def test_without_an_index_everything_is_read(indexed: Store) -> None:
    bare = fill(indexed, "ij").listing()
    assert len(bare.unknown) == 1 and len(bare.parts) == 4
    old = FeatureSpace(indexed, "f" * 16)
    old.add(["a", "b"], rows(1, 2))
    assert old.read(["b"])[1][:, 0].tolist() == [2]
    assert not old.listing().indexed


def test_indexes_of_shards_are_as_good_as_one(store: Store) -> None:
    for part in ("ab", "cd", "ef"):
        fill(store, part).index_added()
    listing = list_space(store, NAME)
    assert len(index_keys(store)) == 3 and listing.unknown == [] and listing.holds == []
    assert FeatureSpace(store, NAME).ids() == set("abcdef")
    assert parts_read(store, lambda space: space.read(["d"])) == 1


def test_the_largest_index_is_read_first_and_suffices(store: Store) -> None:
    for part in ("ab", "cd", "ef"):
        fill(store, part).index_added()
    FeatureSpace(store, NAME).index_all(list_space(store, NAME), HELD)
    recording = RecordingStore(store)
    assert list_space(recording, NAME).holding(HELD.pool, "all") == HELD
    assert recording.requests == {"keys": 1, "read": 1}


def test_equal_indexes_are_one_object(store: Store) -> None:
    fill(store, "ab", "cd")
    for _ in range(2):
        space = FeatureSpace(store, NAME)
        space.index_all(space.listing(), HELD)
    before = store.keys("")
    fill(store, "cd", "ab")
    space = FeatureSpace(store, NAME)
    space.index_all(space.listing())
    assert store.keys("") == before and len(index_keys(store)) == 1


@pytest.mark.parametrize("what", ["index-", "ids-"])
def test_an_index_may_be_gone(indexed_folder: Any, what: str) -> None:
    store, delete = indexed_folder
    delete(what)
    assert list_space(store, NAME).holding(HELD.pool, "all") is None
    assert FeatureSpace(store, NAME).ids() == set("abcdef")


def test_what_an_index_says_of_parts_that_are_gone_counts_for_nothing(indexed_folder: Any) -> None:
    store, delete = indexed_folder
    delete("part-")
    assert list_space(store, NAME).holding(HELD.pool, "all") is None
    assert len(FeatureSpace(store, NAME).ids()) == 4
    with pytest.raises(CampaignError, match="2 samples have no features"):
        FeatureSpace(store, NAME).read(list("abcdef"))


def test_a_holding_rests_on_what_was_set_aside(indexed_folder: Any) -> None:
    store, delete = indexed_folder
    space = FeatureSpace(store, NAME)
    space.quarantine([{"sample_id": "x", "uri": "x.png", "reason": "broken"}])
    more = Holding(pool="2" * 64, scope="all", samples=7)
    space.index_all(space.listing(), more)
    assert list_space(store, NAME).holds == [HELD, more]
    delete("quarantine-")
    assert list_space(store, NAME).holding(more.pool, "all") is None


@pytest.mark.parametrize("what", ["index-", "ids-"])
def test_a_damaged_index_is_named_with_its_remedy(indexed: Store, what: str) -> None:
    (key,) = indexed.keys(f"spaces/{NAME}/{what}")
    indexed.write(key, indexed.read(key)[:-3])
    with pytest.raises(CampaignError, match=f"{indexed.locate(key)} was changed after it was written .*Delete it"):
        FeatureSpace(indexed, NAME).ids()


def test_an_index_of_another_version_is_left_alone(store: Store) -> None:
    space = fill(store, "ab")
    space.index_all(space.listing(), HELD)
    (key,) = index_keys(store)
    later = json.dumps(json.loads(store.read(key)) | {"version": 2}).encode()
    store.write(f"spaces/{NAME}/index-0000009-001-{digest_of_bytes(later)[:16]}.json", later)
    assert list_space(store, NAME).holding(HELD.pool, "all") == HELD


def test_vectors_of_several_widths_are_refused(store: Store) -> None:
    space = fill(store, "ab")
    space.add(["c"], np.ones((1, 3), np.float16))
    space.index_all(space.listing())
    with pytest.raises(CampaignError, match=r"hold vectors of \[3, 4\] values. Delete the folder"):
        FeatureSpace(store, NAME).read(["a"])


@pytest.fixture
def indexed_folder(tmp_path: Any) -> Any:
    """A space in a folder, and a function that deletes the first of its objects whose name begins so."""
    from labelcycle.components.core.storage import open_store

    store = open_store(str(tmp_path / "deleting"))
    space = fill(store, "ab", "cd", "ef")
    space.index_all(space.listing(), HELD)

    def delete(what: str) -> None:
        sorted((tmp_path / "deleting" / "spaces" / NAME).glob(f"{what}*"))[0].unlink()

    return store, delete
