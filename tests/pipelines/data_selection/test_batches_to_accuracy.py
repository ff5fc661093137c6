"""Batches to accuracy, from points and from campaigns."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.data_selection.batches_to_accuracy import BatchCurve, BatchPoint, read_batch_curve


def curve(*accuracies: float) -> BatchCurve:
    points = [BatchPoint(10 * number, {"accuracy": accuracy}) for number, accuracy in enumerate(accuracies, start=1)]
    return BatchCurve("arm", "random", 1, 8, 30, points)


def test_the_first_point_that_reached_it_counts() -> None:
    assert curve(0.5, 0.9, 0.8).batches_to(0.8) == 20
    assert curve(0.5, 0.9, 0.8).batches_to(0.5) == 10
    assert curve(0.5, 0.9, 0.8).batches_to(0.95) is None


def test_points_of_a_campaign(select_data: Callable[..., Any], run_all: Callable[[Any], None]) -> None:
    campaign = select_data()
    assert read_batch_curve(campaign.root).points == []
    run_all(campaign)
    found = read_batch_curve(campaign.root)
    assert [point.batches for point in found.points] == [10, 20, 30, 40, 50, 60]
    assert (found.strategy, found.loops, found.selected, found.total_batches) == ("vecaf_ods", 3, 8, 60)
    facts = found.as_facts([0.1, 1.1])
    assert facts["batches_to_accuracy"] == {"0.1": 10, "1.1": None}


def test_campaigns_that_collect_labels_are_refused(begin: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="collects labels"):
        read_batch_curve(begin().root)


def test_the_command(
    labelcycle: Callable[..., Any],
    select_data: Callable[..., Any],
    run_all: Callable[[Any], None],
    tmp_path: Path,
) -> None:
    campaign = select_data()
    run_all(campaign)
    out = tmp_path / "batches.json"
    shown = labelcycle("batches", campaign.root, "--to", "0.1,1", "--out", out)
    assert shown.returncode == 0 and "vecaf_ods" in shown.stdout
    assert json.loads(out.read_text())[0]["batches_to_accuracy"]["0.1"] == 10
    assert json.loads(labelcycle("batches", campaign.root, "--json").stdout)[0]["total_batches"] == 60
    for wrong in (("--to", "much"), ("--to", "80"), ("--figure", "speed"), ("--figure", "target_accuracy")):
        assert labelcycle("batches", campaign.root, *wrong).returncode == 1
