"""Test sets that are held out: shares of classes, and groups as wholes."""

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.analysis.intervals import margin_of_error
from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.initialise.held_out import hold_out, hold_out_groups, share_of_few

LABELS = st.dictionaries(st.text("abcdef", min_size=1, max_size=5), st.sampled_from(["cat", "dog", "owl"]), max_size=60)


@given(LABELS, st.floats(0.01, 0.9), st.integers(0, 3))
def test_each_class_gives_its_share_and_keeps_a_sample(labels: dict[str, str], share: float, seed: int) -> None:
    test = hold_out(labels, share, seed)
    assert test.items() <= labels.items()
    for label, count in Counter(labels.values()).items():
        held = sum(one == label for one in test.values())
        assert held == min(math.ceil(share * count), count - 1)


@given(LABELS, st.floats(0.01, 0.9), st.integers(0, 3), st.integers(1, 30))
def test_groups_are_never_divided(labels: dict[str, str], share: float, seed: int, groups: int) -> None:
    group = {name: f"g{number % groups}" for number, name in enumerate(sorted(labels)) if number % 7}
    test = hold_out_groups(labels, share, seed, group)
    assert test.items() <= labels.items()
    assert not {group[name] for name in test if name in group} & {
        group[name] for name in labels if name in group and name not in test
    }
    for label in Counter(labels.values()):
        assert any(one == label and name not in test for name, one in labels.items())


def test_small_groups_meet_the_share() -> None:
    labels = {f"{number:03d}": ("cat", "dog")[number % 2] for number in range(200)}
    group = {name: f"scene {int(name) // 4}" for name in labels}
    test = hold_out_groups(labels, 0.1, 0, group)
    assert Counter(test.values()) == {"cat": 10, "dog": 10}
    assert test != hold_out_groups(labels, 0.1, 1, group)


def test_a_campaign_with_groups_has_none_in_both(
    begin: Callable[..., Any], write_npz: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [f"s{number:02d}" for number in range(40)]
    labels = np.array([("cat", "dog")[number % 2] if number % 4 < 2 else "" for number in range(40)])
    features = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    (tmp_path / "groups.csv").write_text(
        "\n".join(["sample_id,group", *(f"{name},scene {number // 4}" for number, name in enumerate(ids)), ""])
    )
    made = write_npz(ids=np.array(ids), features=features, labels=labels, splits=None)
    campaign = begin(embeddings=made, groups=str(tmp_path / "groups.csv"), budget=4, batch=2)
    store, described = open_store(campaign.root), campaign.state.campaign
    rows = load_pool(store, described).select(["sample_id", "split", "group"]).to_pylist()
    groups = {split: {row["group"] for row in rows if row["split"] == split} for split in ("pool", "test")}
    assert groups["test"] and not groups["pool"] & groups["test"]
    held = {row["sample_id"] for row in rows if row["split"] == "test"}
    assert held == set(load_truth(store, described))
    assert len(rows) == 40 - len(held)
    told = capsys.readouterr().err
    assert "samples of the pool belong to groups of the test set and were set aside" in told
    assert "So few tell little: --test-from-budget N" in told


def test_groups_that_are_too_large(begin: Callable[..., Any], write_npz: Callable[..., str], tmp_path: Path) -> None:
    ids = [f"sample-{number}" for number in range(6)]
    (tmp_path / "groups.csv").write_text("\n".join(["sample_id,group", *(f"{name},one" for name in ids), ""]))
    with pytest.raises(ConfigurationError, match="every group is too large to be held out. Give --test FILE"):
        begin(embeddings=write_npz(splits=None), groups=str(tmp_path / "groups.csv"), budget=2, batch=1)


@pytest.mark.parametrize(("samples", "error"), [(1, 0.98), (100, 0.098), (2500, 0.0196)])
def test_how_well_a_test_set_measures(samples: int, error: float) -> None:
    assert margin_of_error(samples) == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize(("labels", "share"), [(40, 0.25), (300, 0.25), (500, 0.2), (1000, 0.1), (9000, 0.1)])
def test_of_few_known_labels_more_are_held_out(labels: int, share: float) -> None:
    assert share_of_few(labels) == share


def test_three_hundred_labels_in_all_are_split_and_it_is_said(
    begin: Callable[..., Any], write_npz: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [f"s{number:03d}" for number in range(400)]
    features = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    made = write_npz(ids=np.array(ids), features=features, labels=None, splits=None)
    rows = [f"{name},{('cat', 'dog')[number % 2]}" for number, name in enumerate(ids[:300])]
    (tmp_path / "known.csv").write_text("\n".join(["sample_id,label", *rows, ""]))
    campaign = begin(embeddings=made, known_labels=[str(tmp_path / "known.csv")], budget=4, batch=2)
    assert campaign.ingest().reason == "224 labels were known when the campaign began"
    told = capsys.readouterr().err
    assert "76 of 300 labelled samples (25% of each class) are held out" in told and "--test-share" in told
