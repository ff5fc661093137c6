"""Campaigns without a test set: a cross-validated estimate that is called so wherever it is read, or nothing yet."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.estimate import AccuracyEstimate, NoEstimate
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking.cycle_figures import cycle_figures
from labelcycle.components.tracking.promoting import judge_new_cycles
from labelcycle.pipelines.dashboard.screen import print_status
from labelcycle.pipelines.dashboard.view import read_status, read_view, status_facts
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import CLASSES, Bench
from tests.pipelines.test_test_from_budget import oracle, unlabelled

__all__ = ["oracle", "unlabelled"]

Begin = Callable[..., Bench]


def known(folder: Path, each: int, classes: list[str] = CLASSES) -> list[str]:
    """A label file of so many samples of each of these classes."""
    rows = [f"{name}-{row:02d},{name}" for name in classes for row in range(each)]
    (folder / "known.csv").write_text("\n".join(["sample_id,label", *rows, ""]))
    return [str(folder / "known.csv")]


def test_known_labels_give_an_estimate_that_is_called_so(
    begin: Begin, unlabelled: str, oracle: str, tmp_path: Path
) -> None:
    campaign = begin(
        embeddings=unlabelled,
        known_labels=known(tmp_path, 10),
        labels_from=oracle,
        test_from_budget=0,
        budget=8,
        overrides={"stop.plateau_cycles": 1},
    )
    first, last = campaign.run_cycle(), campaign.run_cycle()
    assert first.accuracy is None and first.accuracy_in_words.startswith("cross-validated estimate 0.")
    assert last.labels == 38
    metrics = campaign.work.read_record("metrics.json", CycleMetrics)
    estimate = metrics.estimate
    assert isinstance(estimate, AccuracyEstimate) and metrics.accuracy is None and metrics.stop is None
    assert (estimate.labels, estimate.folds, estimate.chosen) == (30, 5, False)
    assert estimate.low < estimate.accuracy <= estimate.high and estimate.accuracy > 0.8
    figures = cycle_figures(metrics)
    assert figures["cross_validated_accuracy"] == estimate.accuracy
    assert not {"accuracy", "macro_f1", "ece"} & figures.keys()
    store = open_store(campaign.root)
    report = store.read(campaign.state.commits[-1].objects["report"].key).decode()
    assert "Accuracy, cross-validated estimate" in report and "There is no test set" in report
    assert "not measured yet: there are no samples to test with" in report
    assert not {"cost", "confusion_matrix", "calibration"} & campaign.state.commits[-1].objects.keys()
    shown = Console(file=io.StringIO(), width=120)
    print_status(shown, read_status(store, campaign.root))
    said = shown.file.getvalue()
    assert "cross-validated" in said and "; no test set" in said and "tested with" not in said
    status = status_facts(read_view(store, read_status(store, campaign.root)))
    cycles = status["cycles"]
    assert isinstance(cycles, list) and len(cycles) == 2 and status["cold_start"] is None
    assert cycles[-1]["accuracy"] is None and cycles[-1]["estimate"]["accuracy"] == estimate.accuracy
    judged = judge_new_cycles(store, campaign.state).promotions
    assert [one.outcome for one in judged] == ["promoted", "promoted"]
    assert "it was not tested, for want of a test set" in judged[-1].reason
    assert verify_campaign(store).faults == []


def test_samples_that_a_strategy_chose_make_it_too_low(begin: Begin, unlabelled: str, oracle: str) -> None:
    campaign = begin(
        embeddings=unlabelled, labels_from=oracle, test_from_budget=0, overrides={"cold_start.strategy": "kmeans"}
    )
    campaign.run_cycle()
    assert campaign.run_cycle().accuracy_in_words.endswith("far too low, being of samples that a strategy chose")


def test_random_draws_do_not(begin: Begin, unlabelled: str, oracle: str) -> None:
    campaign = begin(embeddings=unlabelled, labels_from=oracle, test_from_budget=0, batch=12, recipe="random")
    campaign.run_cycle()
    assert "too low" not in campaign.run_cycle().accuracy_in_words


@pytest.mark.parametrize(("each", "classes"), [(1, CLASSES), (10, CLASSES[:1])])
def test_too_little_for_an_estimate_is_said_and_the_campaign_goes_on(
    begin: Begin, unlabelled: str, tmp_path: Path, each: int, classes: list[str]
) -> None:
    labels = known(tmp_path, each, classes)
    campaign = begin(embeddings=unlabelled, known_labels=labels, classes=CLASSES, test_from_budget=0)
    done = campaign.run_cycle()
    assert done.accuracy_in_words == "accuracy not measured yet: two classes with two labels each are needed"
    assert done.query_size == 8
    metrics = campaign.work.read_record("metrics.json", CycleMetrics)
    assert isinstance(metrics.estimate, NoEstimate) and "cross_validated_accuracy" not in cycle_figures(metrics)


def test_groups_are_not_divided_by_folds(begin: Begin, unlabelled: str, tmp_path: Path) -> None:
    rows = [f"{name}-{row:02d},{name} {row // 5}" for name in CLASSES for row in range(50)]
    (tmp_path / "groups.csv").write_text("\n".join(["sample_id,group", *rows, ""]))
    labels, groups = known(tmp_path, 10), str(tmp_path / "groups.csv")
    campaign = begin(embeddings=unlabelled, known_labels=labels, groups=groups, test_from_budget=0)
    campaign.run_cycle()
    estimate = campaign.work.read_record("metrics.json", CycleMetrics).estimate
    assert isinstance(estimate, AccuracyEstimate) and estimate.grouped


def test_a_space_without_any_sample_is_not_read(begin_on_small_network: Begin) -> None:
    """The last cycle and the final model embed the test set alone, in spaces of their own."""
    few = {"trainer.epochs": 1, "final.trainer.epochs": 1}
    settings: dict[str, Any] = {"recipe": "asvp", "overrides": few, "budget": 8, "batch": 8}
    campaign = begin_on_small_network(test=None, test_from_budget=0, **settings)
    campaign.run_cycle()
    assert campaign.run_cycle().query_size == 0
    assert campaign.run_cycle(finalize=True).labels == 8
    assert campaign.state.final is not None and campaign.state.final.accuracy is None
