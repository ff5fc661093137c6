"""Coordinates of all samples of a space: along which directions, in which order, and made when."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features import map_coordinates as map_module
from labelcycle.components.core.features.map_coordinates import (
    MapCoordinates,
    MapLayout,
    draw_by_id,
    has_map_coordinates,
    map_coordinates,
)
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import features_bytes
from tests.harness.recording_store import RecordingStore

NAME = "0123456789abcdef"
IDS = [f"sample-{number:04d}" for number in range(300)]


@pytest.fixture(scope="module")
def features() -> Any:
    generator = np.random.default_rng(3)
    return (generator.normal(size=(300, 6)) * [5, 1, 0.5, 3, 0.2, 0.1] + 2).astype(np.float16)


def filled(store: Store, features: Any, size: int) -> FeatureSpace:
    """A space with parts of so many rows."""
    space = FeatureSpace(store, NAME)
    for start in range(0, len(IDS), size):
        space.add(IDS[start : start + size], features[start : start + size])
    return space


def map_keys(store: Store) -> list[str]:
    return store.keys(f"spaces/{NAME}/map-")


def test_who_is_near_in_the_space_is_near_on_the_map(store: Store) -> None:
    generator = np.random.default_rng(5)
    groups = np.arange(len(IDS)) % 3
    features = (np.eye(3, 12)[groups] * 8 + generator.normal(size=(len(IDS), 12))).astype(np.float16)
    filled(store, features, 100)
    points = map_coordinates(store, NAME).of(IDS)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.98
    assert np.abs(points).max() == pytest.approx(100, abs=0.1)


def test_others_lie_among_those_that_are_laid_out(features: Any) -> None:
    layout = MapLayout(features[:200])
    near = layout.place(features[:200])
    again = layout.place((features[:200].astype(np.float32) + 0.001).astype(np.float16))
    assert np.abs(near - again).max() < 5
    whole = layout.place(features)
    assert np.abs(whole).max() <= 100 and np.allclose(whole[:200], near)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_few_samples_have_places_too(features: Any, size: int) -> None:
    found = MapLayout(features[:size]).place(features[:size])
    assert found.shape == (size, 2) and np.isfinite(found).all()


def test_they_are_the_same_for_any_parts_and_made_once(store: Store, tmp_path: Path, features: Any) -> None:
    filled(store, features, 100)
    first = map_coordinates(store, NAME)
    recording = RecordingStore(store)
    again = map_coordinates(recording, NAME)
    assert not any("/part-" in key for key in recording.keys_read) and len(map_keys(store)) == 1
    for key in store.keys(f"spaces/{NAME}/"):
        Path(store.locate(key)).unlink()
    filled(store, features, 77)
    other = map_coordinates(store, NAME)
    assert first.table.equals(again.table) and first.table.equals(other.table)


def test_a_space_that_has_grown_has_them_of_all_its_samples(store: Store, features: Any) -> None:
    space = filled(store, features, 100)
    map_coordinates(store, NAME)
    space.add(["a new one"], features[:1])
    assert not has_map_coordinates(NAME, space.listing())
    found = map_coordinates(store, NAME)
    assert has_map_coordinates(NAME, space.listing())
    assert found.table["sample_id"].to_pylist() == ["a new one", *IDS]
    assert np.array_equal(found.of(["a new one"]), found.of([IDS[0]]))


def test_a_sample_in_several_parts_is_one(store: Store, features: Any) -> None:
    space = filled(store, features, 100)
    space.add(IDS[50:60], features[50:60])
    assert map_coordinates(store, NAME).table["sample_id"].to_pylist() == IDS


def test_ids_that_it_has_not_are_left_out() -> None:
    table = pa.table({"sample_id": ["a", "b"], "first": [0.5, -1.0], "second": [0.0, 0.25]})
    points = MapCoordinates(table).of(["b", "none", "a"])
    assert points.tolist() == [[-1.0, 0.25], [0.5, 0.0]]


@pytest.mark.parametrize("content", [b"", b"not Parquet"])
def test_one_that_is_damaged_is_named_with_what_to_do(store: Store, features: Any, content: bytes) -> None:
    filled(store, features, 300)
    map_coordinates(store, NAME)
    store.write(map_keys(store)[0], content)
    with pytest.raises(CampaignError, match="map-[0-9a-f-]+.parquet .*Delete it and run again"):
        map_coordinates(store, NAME)


def test_equal_features_lie_at_one_place(store: Store) -> None:
    FeatureSpace(store, NAME).add(["a", "b", "c"], np.ones((3, 4), np.float16))
    found = map_coordinates(store, NAME)
    assert not found.of(["a", "b", "c"]).any()


def test_a_space_of_one_dimension_has_a_map() -> None:
    line = np.arange(40, dtype=np.float16)[:, None]
    assert np.isfinite(MapLayout(line).place(line)).all()


def test_drawing_does_not_depend_on_order_or_blocks() -> None:
    expected = draw_by_id(pa.chunked_array([IDS]), 50)
    assert len(set(expected)) == 50 and expected == sorted(expected)
    assert draw_by_id(pa.chunked_array([IDS[::-1]]), 50, block_rows=7) == expected
    assert draw_by_id(pa.chunked_array([IDS]), 2000) == IDS
    assert draw_by_id(pa.chunked_array([[]], pa.string()), 5) == []


@pytest.mark.parametrize("most", [20, 55, 80])
def test_who_draws_looks_at_marked_samples_and_no_further_where_they_do(
    store: Store, features: Any, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(map_module, "MARKED", 60)
    filled(store, features, 100)
    points = map_coordinates(store, NAME)
    assert sum(points.table["marked"].to_pylist()) == 60
    ids = pa.chunked_array([[name for name in IDS if name != IDS[17]]])
    expected, looked_at = draw_by_id(ids, most), []
    monkeypatch.setattr(
        map_module, "keyed_order", lambda names, key: looked_at.extend(names) or keyed_order(names, key)
    )
    assert points.draw(ids, most) == expected
    assert len(looked_at) == (len(ids) if most == 80 else pytest.approx(60, abs=1))


def test_coordinates_of_an_earlier_version_have_no_marks(store: Store, features: Any) -> None:
    filled(store, features, 100)
    old = features_bytes(map_coordinates(store, NAME).table.drop_columns("marked"))
    (key,) = map_keys(store)
    Path(store.locate(key)).unlink()
    store.write(f"{key.rpartition('-')[0]}-{digest_of_bytes(old)[:16]}.parquet", old)
    points = map_coordinates(store, NAME)
    assert points.table["marked"].null_count == len(IDS)
    assert points.draw(pa.chunked_array([IDS]), 50) == draw_by_id(pa.chunked_array([IDS]), 50)


def test_those_of_some_samples_are_theirs(store: Store, features: Any) -> None:
    filled(store, features, 100)
    points = map_coordinates(store, NAME)
    few = points.among(["none", IDS[7], IDS[200], IDS[7]])
    assert few.table["sample_id"].to_pylist() == [IDS[7], IDS[200]]
    assert np.array_equal(few.of([IDS[200], IDS[7]]), points.of([IDS[200], IDS[7]]))
