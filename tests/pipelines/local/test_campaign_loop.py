"""The loop around cycles: every way it ends. Cycles are run by the stages themselves, without the local engine."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from labelcycle.pipelines.local import campaign_loop
from labelcycle.pipelines.local.campaign_loop import run_campaign
from labelcycle.pipelines.local.outcome import CycleRun


@pytest.fixture
def campaign(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function: settings → a campaign whose cycles the loop runs in this process."""

    def begun(**settings: Any) -> Any:
        made = begin(**settings)

        def run_cycle(root: str, labels_from: str = "", title: str = "", **_: Any) -> CycleRun:
            facts = {"label_ingest": asdict(made.ingest(labels_from))}
            if facts["label_ingest"]["decision"] in ("cold_start", "train"):
                facts["publish"] = asdict(made.run_cycle(labels_from))
            return CycleRun(facts)

        monkeypatch.setattr(campaign_loop, "run_cycle", run_cycle)
        return made

    return begun


def test_until_the_budget_is_spent(campaign: Callable[..., Any]) -> None:
    decisions: list[str] = []
    end = run_campaign(campaign().root, on_cycle=lambda run: decisions.append(run.decision))
    assert (end.end, end.reason) == ("done", "the budget of 24 labels is spent")
    assert decisions == ["cold_start", "train", "train", "train"]
    assert [summary.labels for summary in end.state.trained] == [8, 16, 24]


def test_until_the_accuracy_is_reached(campaign: Callable[..., Any]) -> None:
    end = run_campaign(campaign().root, until_accuracy=0.1)
    assert (end.end, len(end.state.trained)) == ("target", 1)
    assert "has reached the target of 0.1" in end.reason


def test_a_target_that_is_met_already_runs_nothing(campaign: Callable[..., Any]) -> None:
    made = campaign()
    run_campaign(made.root, cycles=1)
    before = made.files()
    assert run_campaign(made.root, until_accuracy=0.0).end == "target"
    assert made.files() == before


def test_a_target_out_of_reach_ends_with_the_budget(campaign: Callable[..., Any]) -> None:
    assert run_campaign(campaign(label_price=0.0).root, until_accuracy=1.1).end == "done"


@pytest.mark.parametrize("cycles", [0, 1, 2])
def test_after_so_many_trained_cycles(campaign: Callable[..., Any], cycles: int) -> None:
    end = run_campaign(campaign().root, cycles=cycles)
    assert (end.end, len(end.state.trained)) == ("cycles", cycles)


def test_while_labels_are_awaited(campaign: Callable[..., Any], pictures: Any) -> None:
    made = campaign(images=str(pictures.images), test=str(pictures.test), recipe="random", batch=4)
    calls: list[str] = []
    end = run_campaign(made.root, on_cycle=lambda run: calls.append(run.decision))
    assert end.end == "waiting" and "4 of 4 samples of cycle 0's query have no label" in end.reason
    assert calls == ["cold_start"]


def test_labels_from_a_file_of_this_run(campaign: Callable[..., Any], pictures: Any) -> None:
    made = campaign(images=str(pictures.images), test=str(pictures.test), recipe="random", batch=12)
    assert run_campaign(made.root, str(pictures.labels)).end == "done"
