"""Feature spaces: rows by id, whatever the order in which they came."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.features.provenance import backbone_provenance, space_name
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import Store, open_store

WIDTH = 4
BACKBONE: dict[str, Any] = {
    "name": "vit",
    "weights": {"key": "weights.safetensors", "sha256": "1"},
    "transform": {
        "image_size": 64,
        "interpolation": "bicubic",
        "crop_share": 1.0,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    },
    "width": WIDTH,
}


@pytest.fixture
def space(store: Store) -> FeatureSpace:
    return FeatureSpace(store, "0123456789abcdef")


def rows(*numbers: float) -> Any:
    return np.array([[number, 0, -number, 1] for number in numbers], np.float16)


def name_of(changes: dict[str, Any] | None = None, adapter: str | None = None) -> str:
    return space_name(backbone_provenance(Backbone.model_validate({**BACKBONE, **(changes or {})}), adapter))


def test_round_trip_sorted_by_id(store_root: str) -> None:
    space = FeatureSpace(open_store(store_root), "name")
    space.add(["ü", "b"], rows(3, 2))
    space.add(["a"], rows(1))
    ids, features = space.read()
    assert ids == ["a", "b", "ü"]
    assert features.dtype == np.float16
    assert np.array_equal(features, rows(1, 2, 3))
    assert space.ids() == {"a", "b", "ü"}


def test_reading_some_ids(space: FeatureSpace) -> None:
    space.add(["a", "b", "c"], rows(1, 2, 3))
    space.quarantine([{"sample_id": "unreadable", "uri": "unreadable.png", "reason": "broken"}])
    ids, features = space.read(["c", "unreadable", "a", "c"])
    assert ids == ["a", "c"]
    assert np.array_equal(features, rows(1, 3))


@pytest.mark.parametrize("wanted", [["unreadable"], []])
def test_reading_nothing_that_is_there(space: FeatureSpace, wanted: list[str]) -> None:
    space.add(["a"], rows(1))
    space.quarantine([{"sample_id": "unreadable", "uri": "unreadable.png", "reason": "broken"}])
    ids, features = space.read(wanted)
    assert ids == [] and features.shape == (0, WIDTH)


def test_features_that_were_deleted_are_missed(space: FeatureSpace) -> None:
    """As when a platform's cache leaves out the embed stage for a root that was emptied."""
    space.add(["a"], rows(1))
    with pytest.raises(CampaignError, match="2 samples have no features in .*'b', … Run the embed stage, with"):
        space.read(["a", "c", "b"])


def test_the_order_of_adding_does_not_matter(store: Store) -> None:
    parts = [(["a", "d"], rows(1, 4)), (["c"], rows(3)), (["b", "e"], rows(2, 5))]
    forward, backward = FeatureSpace(store, "forward"), FeatureSpace(store, "backward")
    for ids, features in parts:
        forward.add(ids, features)
    for ids, features in reversed(parts):
        backward.add(ids, features)
    assert forward.read()[0] == backward.read()[0] == ["a", "b", "c", "d", "e"]
    assert np.array_equal(forward.read()[1], backward.read()[1])


def test_adding_the_same_rows_again_changes_nothing(store: Store, space: FeatureSpace) -> None:
    space.add(["a", "b"], rows(1, 2))
    before = {key: store.read(key) for key in store.keys("")}
    space.add(["a", "b"], rows(1, 2))
    assert {key: store.read(key) for key in store.keys("")} == before


def test_ids_in_more_than_one_part_are_read_once(space: FeatureSpace) -> None:
    space.add(["a", "b"], rows(1, 2))
    space.add(["b", "a"], rows(2, 1))
    space.add(["b", "c"], rows(2, 3))
    ids, features = space.read()
    assert ids == ["a", "b", "c"]
    assert np.array_equal(features, rows(1, 2, 3))


def test_part_by_part_each_id_comes_once(space: FeatureSpace) -> None:
    space.add(["a", "b"], rows(1, 2))
    space.add(["b", "c", "d"], rows(2, 3, 4))
    space.add(["e"], rows(5))
    parts = list(space.parts(["a", "b", "c", "unknown"]))
    assert len(parts) == 2 and sorted(np.concatenate(parts)[:, 0].tolist()) == [1, 2, 3]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused_by_name(space: FeatureSpace, store: Store, bad: float) -> None:
    features = rows(1, 2, 3)
    features[1, 2] = bad
    with pytest.raises(InputError, match="1 feature vectors hold NaN or infinite values.*: 'b'"):
        space.add(["a", "b", "c"], features)
    assert store.keys("") == []


def test_empty_space_is_named(space: FeatureSpace) -> None:
    assert space.ids() == set()
    with pytest.raises(CampaignError, match="0123456789abcdef of .* is empty. Run the embed stage"):
        space.read()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-9],
        lambda data: b"text",
        lambda data: data[9:],
        lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:],
    ],
)
def test_damaged_part_is_named(space: FeatureSpace, store: Store, damage: Any) -> None:
    space.add(["a"], rows(1))
    (key,) = store.keys("spaces/")
    store.write(key, damage(store.read(key)))
    for read in (space.read, FeatureSpace(store, space.name).ids):
        with pytest.raises(CampaignError, match=f"{store.locate(key)} was changed after it was written .*Delete it"):
            read()


def test_what_was_damaged_before_its_digest_was_taken_is_named(space: FeatureSpace, store: Store) -> None:
    data = b"no table"
    key = f"spaces/{space.name}/part-{'0' * 16}-{digest_of_bytes(data)[:16]}.parquet"
    store.write(key, data)
    with pytest.raises(CampaignError, match=f"{store.locate(key)} is damaged: .* Delete it"):
        space.read()


def test_files_of_others_are_named_and_not_read(space: FeatureSpace, store: Store) -> None:
    space.add(["a"], rows(1))
    (key,) = store.keys("spaces/")
    store.write(f"spaces/{space.name}/part-0001.parquet", store.read(key))
    for read in (space.read, space.ids):
        with pytest.raises(CampaignError, match="part-0001.parquet is none of labelcycle's files"):
            read()


def test_rows_that_are_there_stay_as_they_are(space: FeatureSpace, store: Store) -> None:
    space.add(["a"], rows(1))
    before = store.keys("")
    space.add(["a"], rows(2))
    assert store.keys("") == before and np.array_equal(space.read()[1], rows(1))


def test_folders_named_like_partitions_add_no_columns(tmp_path: Path) -> None:
    space = FeatureSpace(open_store(str(tmp_path / "run=3")), "name")
    space.add(["a"], rows(1))
    assert space.read()[0] == ["a"]


def test_quarantine(space: FeatureSpace) -> None:
    assert space.quarantined() == []
    first = {"sample_id": "b", "uri": "/b.jpg", "reason": "empty file"}
    second = {"sample_id": "a", "uri": "/a.jpg", "reason": "too large"}
    space.quarantine([first])
    space.quarantine([second])
    assert space.quarantined() == [second, first]
    space.quarantine([second | {"reason": "truncated"}])
    assert [row["sample_id"] for row in space.quarantined()] == ["a", "b"]


def test_describe(space: FeatureSpace, store: Store) -> None:
    provenance = backbone_provenance(Backbone.model_validate(BACKBONE), None)
    space.describe(provenance)
    assert json.loads(store.read("spaces/0123456789abcdef/space.json")) == json.loads(json.dumps(provenance.as_json()))


def test_names_are_short_and_stable() -> None:
    assert name_of() == name_of()
    assert len(name_of()) == 16
    assert int(name_of(), 16) >= 0


def test_whatever_changes_features_changes_the_name() -> None:
    transform = BACKBONE["transform"]
    names = [
        name_of(),
        name_of(adapter="2"),
        name_of({"name": "another"}),
        name_of({"weights": {"key": "weights.safetensors", "sha256": "2"}}),
        name_of({"transform": {**transform, "image_size": 32}}),
        name_of({"transform": {**transform, "mean": [0.5, 0.5, 0.4]}}),
    ]
    assert len(set(names)) == len(names)


def test_where_the_weights_lie_does_not_change_the_name() -> None:
    assert name_of({"weights": {"key": "elsewhere.safetensors", "sha256": "1"}}) == name_of()
