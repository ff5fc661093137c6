"""Points of the map: of which samples, where, and what a space that lacks some does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.cycle_metrics import MISTAKEN, MistakenSamples
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.publish import feature_map as module
from labelcycle.components.publish.feature_map import MOST, MapPoints, map_points
from tests.harness.recording_store import RecordingStore


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """A campaign after its second cycle."""
    made = begin()
    for _ in range(2):
        made.run_cycle()
    return made


def mistaken(campaign: Any) -> list[str]:
    return campaign.work.read_record(MISTAKEN, MistakenSamples).sample_ids


def mapped(campaign: Any, most: dict[str, int] = MOST) -> MapPoints:
    query = read_query(campaign.work.store, campaign.state.commits[1].objects["query"])
    found = map_points(campaign.work, query["sample_id"].to_pylist(), mistaken(campaign), most)
    assert found is not None
    return found


def test_every_sample_is_of_one_kind(campaign: Any) -> None:
    found = mapped(campaign)
    sizes = {kind: len(points) for kind, points in found.groups.items()}
    metrics = campaign.work.read_json("metrics.json")
    mistakes = round((1 - metrics["accuracy"]) * metrics["test_samples"])
    assert sizes == {"pool": 48 - 16, "labelled": 8, "asked": 8, "wrong": mistakes}


def test_samples_are_drawn_by_id_where_there_are_too_many(campaign: Any) -> None:
    most = {"pool": 10, "labelled": 3, "asked": 2}
    first, second = mapped(campaign, most), mapped(campaign, most)
    assert [len(first.groups[kind]) for kind in ("pool", "labelled", "asked")] == [10, 3, 2]
    assert all(np.array_equal(first.groups[kind], second.groups[kind]) for kind in first.groups)


def test_a_space_without_the_pool_gives_way_to_that_of_the_backbone(
    campaign: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last query only the test set is embedded again."""
    training = campaign.work.read_record("training.json", TrainingFacts)
    other = FeatureSpace(campaign.work.store, "tuned")
    ids, features = FeatureSpace(campaign.work.store, training.space).read()
    split = load_pool(campaign.work.store, campaign.state.campaign).select(["sample_id", "split"]).to_pylist()
    held_out = {row["sample_id"] for row in split if row["split"] == "test"}
    test = [row for row, name in enumerate(ids) if name in held_out]
    other.add([ids[row] for row in test], features[test])
    last = campaign.work.decision.model_copy(update={"query_size": 0})
    work = replace(campaign.work, decision=last)
    tuned = training.model_copy(update={"space": "tuned"})
    monkeypatch.setattr(type(work), "read_record", lambda self, name, kind: tuned)
    found = map_points(work, [], [ids[test[0]]])
    assert found is not None
    assert {kind: len(points) for kind, points in found.groups.items()} == {
        "pool": 40,
        "labelled": 8,
        "asked": 0,
        "wrong": 1,
    }


def test_where_no_space_holds_the_pool_there_is_no_map(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "holds_pool", lambda work, space: False)
    assert map_points(campaign.work, [], []) is None


@pytest.mark.parametrize("which", [slice(None), slice(0, 1), slice(1, 2)])
def test_features_that_were_lost_are_missed(campaign: Any, which: slice) -> None:
    """Else a cycle whose space loses some of them before its end would be committed with another map."""
    store = campaign.work.store
    lost = [key for key in store.keys("spaces/") if "/part-" in key][which]
    assert lost
    for key in lost:
        Path(store.locate(key)).unlink()
    with pytest.raises(CampaignError, match=r"\d+ samples have no features in .*Run the embed stage"):
        map_points(campaign.work, [], mistaken(campaign))


def test_it_reads_coordinates_and_no_features(campaign: Any) -> None:
    expected = mapped(campaign)
    recording = RecordingStore(campaign.work.store)
    query = read_query(campaign.work.store, campaign.state.commits[1].objects["query"])["sample_id"].to_pylist()
    found = map_points(replace(campaign.work, store=recording), query, mistaken(campaign))
    assert found is not None and all(np.array_equal(found.groups[kind], expected.groups[kind]) for kind in found.groups)
    read = [key.rpartition("/")[2].partition("-")[0] for key in recording.keys_read if key.startswith("spaces/")]
    assert set(read) == {"index", "map"}
