"""The loop around cycles: every way it ends. Cycles are run by the stages themselves, without the local engine."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.errors import CampaignError, ConfigurationError, TransientError
from labelcycle.pipelines.cli.finalize import finalize
from labelcycle.pipelines.local import campaign_loop, engine
from labelcycle.pipelines.local.campaign_loop import _reached, run_campaign
from labelcycle.pipelines.local.outcome import CycleRun
from tests.components.notification.conftest import Receiver, receiver

__all__ = ["receiver"]


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


def test_few_test_samples_are_said_where_they_are_all(campaign: Callable[..., Any]) -> None:
    made = campaign()
    run_campaign(made.root, cycles=1)
    accuracy = made.state.trained[-1].accuracy
    assert "but by 12 test samples alone" in run_campaign(made.root, until_accuracy=accuracy).reason


def test_few_answers_about_test_samples_do_not_end_it() -> None:
    def reached(tested: int, accuracy: float = 1.0) -> str:
        last = SimpleNamespace(accuracy=accuracy, test_samples=tested)
        return _reached(cast("State", SimpleNamespace(trained=[last])), 0.9, 40)

    assert reached(10) == "" and reached(24, 0.8) == ""
    assert reached(25) == "accuracy 1.0000 has reached the target of 0.9"


def test_without_a_test_set_no_accuracy_is_waited_for(campaign: Callable[..., Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", ids=np.array([f"s{row}" for row in range(20)]), features=np.eye(20, 3))
    made = campaign(embeddings=str(tmp_path / "e.npz"), classes=["cat", "dog"], test_from_budget=0)
    with pytest.raises(ConfigurationError, match="nothing measures whether --until-accuracy is reached. Leave it out"):
        run_campaign(made.root, until_accuracy=0.9)
    assert made.state.commits == []


def told(receiver: Receiver) -> list[tuple[str, int, str]]:
    contents = [json.loads(body) for _, body in receiver.requests]
    return [(content["event"], content["cycle"], content["detail"]) for content in contents]


def test_people_are_told_of_a_target_of_this_run_and_of_failures(
    campaign: Callable[..., Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = campaign(notify={"webhook": True})
    run_campaign(made.root, until_accuracy=0.1)
    run_campaign(made.root, until_accuracy=0.1)
    [(event, cycle, detail)] = told(receiver)
    assert (event, cycle) == ("target_met", 1) and "has reached the target of 0.1" in detail

    def fails(*_: Any, **__: Any) -> CycleRun:
        raise TransientError("S3 is away. Run it again.")

    monkeypatch.setattr(campaign_loop, "run_cycle", fails)
    for _ in range(2):
        with pytest.raises(TransientError, match="S3 is away"):
            run_campaign(made.root)
    assert told(receiver)[1:] == [("cycle_failed", 2, "failed: S3 is away. Run it again")]


def test_people_are_told_of_a_final_model_that_fails(
    begin: Callable[..., Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begin(notify={"webhook": True}, overrides={"final.trainer": {"name": "lp_ft"}})

    def fails(*_: Any, **__: Any) -> CycleRun:
        raise TransientError("S3 is away. Run it again.")

    monkeypatch.setattr(engine, "run_cycle", fails)
    with pytest.raises(TransientError, match="S3 is away"):
        finalize(made.root, end_early=True)
    assert told(receiver) == [("cycle_failed", 0, "failed: S3 is away. Run it again")]


def test_who_stops_a_run_is_told_of_no_failure(
    campaign: Callable[..., Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = campaign(notify={"webhook": True})

    def stopped(*_: Any, **__: Any) -> CycleRun:
        raise KeyboardInterrupt

    monkeypatch.setattr(campaign_loop, "run_cycle", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_campaign(made.root)
    assert told(receiver) == []


def test_a_root_that_cannot_be_read_hides_no_error(receiver: Receiver, tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="No campaign"):
        run_campaign(str(tmp_path))
    assert told(receiver) == []
