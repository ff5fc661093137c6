"""`labelcycle submit --wait`: following a run, and what its end means for the exit code."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labelcycle.components.core.campaign.state import State
from labelcycle.pipelines.kubeflow import submission
from labelcycle.pipelines.kubeflow.cluster_campaign import ClusterCampaign
from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import PipelinesApi, now
from tests.pipelines.kubeflow.conftest import Answer

Command = Callable[..., Answer]


def states(api: PipelinesApi, *following: str | Callable[[], None], **at_the_end: Any) -> None:
    """Let each look at a run find the next of these states; a function is called on the way."""
    rest: Iterator[str | Callable[[], None]] = iter(following)

    def step(run: dict[str, Any]) -> None:
        for found in rest:
            if callable(found):
                found()
            else:
                run["state"] = found
                break
        if run["state"] in ("SUCCEEDED", "FAILED", "CANCELED"):
            run.update(at_the_end)

    api.on_read = step


@pytest.mark.parametrize("people", [False, True])
def test_a_cycle_is_followed_to_its_end(
    command: Command,
    api: PipelinesApi,
    begin: Callable[..., Bench],
    s3_root: str,
    monkeypatch: pytest.MonkeyPatch,
    people: bool,
) -> None:
    """Where people label, their turn has come after the cycle."""
    bench = begin(s3_root)
    if people:
        monkeypatch.setattr(ClusterCampaign, "read", lambda self: without_labels(bench.state))
    states(api, "PENDING", "RUNNING", "RUNNING", lambda: bench.run_cycle() and None, "SUCCEEDED")
    answer = command("submit", s3_root, "--wait")
    assert answer.out.splitlines()[2:] == ["cycle 0: cold start, 8 samples to label next"]
    run = answer.out.splitlines()[0].removeprefix("submitted: ")
    shown = [f"{run}: {state}" for state in ("pending", "running", "succeeded")]
    if people:
        shown.append("waiting for labels; submit again when they are there")
    assert (answer.code, answer.err.splitlines()) == (3 if people else 0, shown)


def without_labels(state: State) -> State:
    """The state of the same campaign if it had no source of labels."""
    return dataclasses.replace(state, campaign=state.campaign.model_copy(update={"labels_from": None}))


def test_a_run_that_leaves_the_campaign_where_it_is_waits_for_labels(
    command: Command, api: PipelinesApi, campaign: Bench
) -> None:
    states(api, "SUCCEEDED")
    answer = command("submit", campaign.root, "--wait")
    assert answer.code == 3 and "waiting for labels" in answer.err


def test_a_run_that_has_not_begun_is_pending_once(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    """The API says nothing of its state at first, then that it is unspecified, then pending."""
    states(api, "", "RUNTIME_STATE_UNSPECIFIED", "PENDING", "PENDING", "RUNNING", "SUCCEEDED")
    shown = [line.rpartition(": ")[2] for line in command("submit", campaign.root, "--wait").err.splitlines()]
    assert shown[:3] == ["pending", "running", "succeeded"]


def test_a_run_under_way_is_followed_as_well(command: Command, api: PipelinesApi, campaign: Bench, name: str) -> None:
    api.add_run(f"{name}-cycle-0000")
    states(api, "RUNNING", "SUCCEEDED")
    assert command("submit", campaign.root, "--wait").code == 3
    assert api.created("runs") == 0


def test_a_run_that_is_cancelled(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    states(api, "CANCELING", "CANCELED")
    answer = command("submit", campaign.root, "--wait")
    assert answer.code == 1 and "error: the run was cancelled." in answer.err
    assert "Then submit again." in answer.err


def test_a_run_that_is_cancelled_and_of_which_the_api_says_at_last_that_it_failed(
    command: Command, api: PipelinesApi, campaign: Bench
) -> None:
    """So it is at 2.17.0 with Argo 4: pods are over their deadline with exit code 0, which is nobody's failure."""
    history = [{"state": state, "update_time": now()} for state in ("RUNNING", "CANCELING", "FAILED")]
    tasks = [{"display_name": "select", "state": "FAILED"}]
    states(api, "CANCELING", "FAILED", state_history=history, run_details={"task_details": tasks})
    answer = command("submit", campaign.root, "--wait")
    assert answer.code == 1 and "error: the run was cancelled." in answer.err
    assert "select" not in answer.err and "Then submit again." in answer.err


def test_an_api_that_is_away_for_a_while(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    states(api, "RUNNING", lambda: api.fail(503, "GET", "/runs/", times=7), "RUNNING", "SUCCEEDED")
    assert command("submit", campaign.root, "--wait").code == 3
    assert api.faults[0].times == 0


def test_an_api_that_is_away_for_long(
    command: Command, api: PipelinesApi, campaign: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "OUTAGE_SECONDS", 0.1)
    states(api, "RUNNING", lambda: api.fail(503, "GET", "/runs/", times=1000), "RUNNING")
    answer = command("submit", campaign.root, "--wait")
    assert answer.code == 2 and answer.out.startswith("submitted: ") and "status 503" in answer.err


def test_a_run_that_was_deleted(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    states(api, "RUNNING", api.runs.clear, "RUNNING")
    answer = command("submit", campaign.root, "--wait")
    assert answer.code == 1 and "not found" in answer.err
