"""`labelcycle submit --finalize`: the final model as a run."""

from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.pipelines.kubeflow.cluster_campaign import ClusterCampaign
from labelcycle.pipelines.kubeflow.lookup import name_at
from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import PipelinesApi
from tests.pipelines.kubeflow.conftest import Answer

Command = Callable[..., Answer]


@pytest.fixture
def stand_at(
    begin_on_images: Callable[..., Bench], s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """A function that makes a campaign with a final training look as if it had been through some cycles."""
    final = {"final.trainer": {"name": "ft", "epochs": 1}}
    campaign = begin_on_images(s3_root, labels_from=None, overrides=final).state.campaign

    def stand(answers: int, query: int, finalized: bool = False) -> str:
        cycles = [CycleSummary(0, 0, 0, None, None, None, None, 8)] if answers or query else []
        if answers:
            cycles.append(CycleSummary(1, answers, answers, 0.5, 0.5, 0.1, "space", query, final=finalized))
            cycles += [CycleSummary(2, answers, answers, 0.6, 0.5, 0.1, "space", 0, final=True)] if finalized else []
        state = State(campaign, [None] * len(cycles), cycles)  # type: ignore[list-item]
        monkeypatch.setattr(ClusterCampaign, "read", lambda self: state)
        monkeypatch.setattr("labelcycle.pipelines.kubeflow.cluster_campaign._check_images", lambda store, state: None)
        return name_at(s3_root, campaign)

    return stand


def test_a_campaign_that_is_spent_is_finalized_once(
    command: Command, api: PipelinesApi, stand_at: Callable[..., str], s3_root: str
) -> None:
    name = stand_at(answers=24, query=0)
    assert "--finalize trains the final model" in command("submit", s3_root).out
    assert command("submit", s3_root, "--finalize").out.startswith(f"submitted: {name}-final\n")
    assert api.runs[0]["runtime_config"]["parameters"]["finalize"] is True
    assert command("submit", s3_root, "--finalize").out.startswith(f"under way already: {name}-final\n")
    api.runs[0]["state"] = "FAILED"
    assert command("submit", s3_root, "--finalize").out.startswith(f"submitted: {name}-final-2\n")
    stand_at(answers=24, query=0, finalized=True)
    answer = command("submit", s3_root, "--finalize")
    assert answer.out == "nothing submitted: the campaign was finalized with 24 of 24 labels\n"


def test_ending_early_is_asked_for(
    command: Command, api: PipelinesApi, stand_at: Callable[..., str], s3_root: str
) -> None:
    name = stand_at(answers=8, query=8)
    answer = command("submit", s3_root, "--finalize")
    assert answer.code == 1 and "8 of 24 labels are spent" in answer.err and "--finalize --end-early" in answer.err
    assert command("submit", s3_root, "--finalize", "--end-early").out.startswith(f"submitted: {name}-final\n")


def test_a_cycle_and_the_final_model_exclude_another(
    command: Command, api: PipelinesApi, stand_at: Callable[..., str], s3_root: str
) -> None:
    name = stand_at(answers=8, query=8)
    cycle = api.add_run(f"{name}-cycle-0002", root=s3_root)
    answer = command("submit", s3_root, "--finalize", "--end-early")
    assert answer.code == 2 and f"{name}-cycle-0002 is still at work" in answer.err
    cycle["state"] = "FAILED"
    assert command("submit", s3_root, "--finalize", "--end-early").code == 0
    answer = command("submit", s3_root)
    assert answer.code == 2 and f"{name}-final is still at work" in answer.err


def test_nothing_to_finalize_yet(
    command: Command, api: PipelinesApi, stand_at: Callable[..., str], s3_root: str
) -> None:
    stand_at(answers=0, query=8)
    answer = command("submit", s3_root, "--finalize", "--end-early")
    assert answer.code == 1 and "no trained cycle yet" in answer.err
