"""The text that Prometheus reads."""

import dataclasses
import re
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from labelcycle.components.core.campaign.label_quality import RecheckFigures
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.metrics.campaign_figures import Figures, LastRun
from labelcycle.pipelines.metrics.exposition import as_text, write_file

README = Path(__file__).parents[3] / "pipelines" / "metrics" / "README.md"
RUN = LastRun("score", 9.0, 6.0, 1.0, 8, 3, 10, None)
FIGURES = Figures(
    campaign='a "b"-7915ee41',
    phase="labelling",
    cycle=3,
    labels=55,
    answers=60,
    outstanding=2,
    awaited=20,
    budget=100,
    label_cost=6.0,
    compute_cost=0.25,
    rechecks=RecheckFigures(asked=9, answered=8, confirmed=4, corrected=3, corrections=[]),
    accuracy=0.75,
    committed=1000.0,
    failures=2,
    runs=[RUN, dataclasses.replace(RUN, stage="train_adapter", rows=None)],
)


def samples(text: str) -> dict[Any, float]:
    """The value of each sample by its name and its labels but the campaign's, which all have."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("campaign") == FIGURES.campaign
            found[(sample.name, *sorted(labels.values()))] = sample.value
    return found


def test_every_figure_is_there() -> None:
    found = samples(as_text(FIGURES))
    age = found.pop(("labelcycle_campaign_last_commit_age_seconds",))
    assert 0 < age <= time.time() - 1000
    assert found == {
        ("labelcycle_campaign_phase", "new"): 0,
        ("labelcycle_campaign_phase", "labelling"): 1,
        ("labelcycle_campaign_phase", "amended"): 0,
        ("labelcycle_campaign_phase", "done"): 0,
        ("labelcycle_campaign_rechecked_labels", "confirmed"): 4,
        ("labelcycle_campaign_rechecked_labels", "corrected"): 3,
        ("labelcycle_campaign_rechecked_labels", "undecided"): 1,
        ("labelcycle_campaign_rechecked_labels", "unanswered"): 1,
        ("labelcycle_campaign_spent_cost", "labels"): 6.0,
        ("labelcycle_campaign_spent_cost", "computing"): 0.25,
        ("labelcycle_campaign_cycle",): 3,
        ("labelcycle_campaign_labels",): 55,
        ("labelcycle_campaign_answers",): 60,
        ("labelcycle_campaign_outstanding_samples",): 2,
        ("labelcycle_campaign_awaited_samples",): 20,
        ("labelcycle_campaign_budget_labels",): 100,
        ("labelcycle_campaign_test_accuracy_ratio",): 0.75,
        ("labelcycle_campaign_last_commit_timestamp_seconds",): 1000.0,
        ("labelcycle_campaign_failed_runs",): 2,
        ("labelcycle_stage_last_run_rows", "score"): 3,
        **{
            (f"labelcycle_stage_last_run_{name}", stage): value
            for stage in ("score", "train_adapter")
            for name, value in {
                "duration_seconds": 9.0,
                "cpu_seconds": 6.0,
                "gpu_seconds": 1.0,
                "peak_memory_bytes": 8,
                "read_bytes": 10,
            }.items()
        },
    }


def test_what_is_not_known_has_no_sample() -> None:
    new = dataclasses.replace(FIGURES, cycle=None, rechecks=None, accuracy=None, committed=None, runs=[])
    names = {name for name, *_ in samples(as_text(new))}
    assert not any(word in name for word in ("commit", "stage", "accuracy", "rechecked") for name in names)
    assert "labelcycle_campaign_cycle" not in names and "labelcycle_campaign_labels" in names


def test_every_metric_has_a_help_text_and_stands_in_the_readme() -> None:
    families = list(text_string_to_metric_families(as_text(FIGURES)))
    documented = set(re.findall(r"^\| (.*?) \|", README.read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for cell in documented for name in re.findall(r"`(labelcycle_\w+)`", cell)}
    assert all(family.documentation.endswith(".") and family.type == "gauge" for family in families)
    assert named == {family.name for family in families}


def test_a_file_is_written_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "digits.prom"
    path.write_text("old")
    write_file(FIGURES, path)
    assert samples(path.read_text())[("labelcycle_campaign_labels",)] == 55
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_the_collector_would_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"does not end in \.prom"):
        write_file(FIGURES, tmp_path / "digits.txt")
    assert list(tmp_path.iterdir()) == []
