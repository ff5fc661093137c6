"""People are told of failed cycles, and of what stages do, through the stages themselves."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.notification.occasions import tell_of_commit, tell_of_end
from labelcycle.components.notify.stage import run
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.components.notification.conftest import Receiver, receiver

__all__ = ["receiver"]

TOLD = {"webhook": True, "target_accuracy": 0.01}


def events(receiver: Receiver) -> list[tuple[str, int]]:
    contents = [json.loads(body) for _, body in receiver.requests]
    return [(content["event"], content["cycle"]) for content in contents]


def test_a_campaign_tells_of_its_target_and_its_end(receiver: Receiver, begin: Callable[..., Any]) -> None:
    campaign = begin(budget=8, notify=TOLD)
    campaign.run_cycle()
    assert events(receiver) == []
    campaign.run_cycle()
    assert events(receiver) == [("target_met", 1), ("budget_spent", 1)]
    checked = verify_campaign(open_store(campaign.root))
    assert checked.objects["notification"] == 2 and checked.findings == []
    assert campaign.ingest().decision == "done"
    assert len(receiver.requests) == 2
    target, spent = (json.loads(body) for _, body in receiver.requests)
    assert "has reached the target of 0.01 with 8 labels" in target["text"]
    assert "the budget of 8 labels is spent" in spent["text"] and spent["answers"] == spent["budget"] == 8


def test_the_end_is_told_of_the_last_cycle_before_the_final_model(
    receiver: Receiver, begin: Callable[..., Any]
) -> None:
    campaign = begin(budget=8)
    campaign.run_cycle()
    campaign.run_cycle()
    store, state = open_store(campaign.root), campaign.state
    state = replace(state, campaign=state.campaign.amended({"notify": {"webhook": True}}))
    tell_of_commit(store, state, 0, "")
    *earlier, last = state.summaries
    tell_of_end(store, replace(state, summaries=[*earlier, replace(last, final=True)]))
    assert events(receiver) == []
    tell_of_end(store, replace(state, summaries=[*earlier, replace(last, stopped="a plateau")]))
    tell_of_commit(store, state, 1, "")
    assert events(receiver) == [("campaign_stopped", 1), ("budget_spent", 1)]


def test_later_cycles_do_not_reach_the_target_again(receiver: Receiver, begin: Callable[..., Any]) -> None:
    campaign = begin(notify={**TOLD, "events": "target_met"})
    for _ in range(3):
        campaign.run_cycle()
    assert events(receiver) == [("target_met", 1)]


def test_people_who_label_are_told_once_of_each_query(receiver: Receiver, begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(labels_from=None, notify={"webhook": True})
    campaign.run_cycle()
    assert campaign.ingest().decision == "wait" and campaign.ingest().decision == "wait"
    assert events(receiver) == [("labels_awaited", 0)]
    said = json.loads(receiver.requests[0][1])
    assert (said["awaited"], said["place"]) == (8, str(Path(campaign.root) / delivery_key(0)))


def test_where_labels_come_from_a_file_only_missing_ones_are_awaited(
    receiver: Receiver, begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_bytes(pictures.labels.read_bytes())
    campaign = begin_on_images(notify={"webhook": True}, labels_from=str(labels))
    campaign.run_cycle()
    assert events(receiver) == []
    labels.write_text("sample_id,label\n")
    assert campaign.ingest().decision == "wait"
    assert events(receiver) == [("labels_awaited", 0)]


def test_a_cycle_that_was_begun_and_is_not_committed_has_failed(receiver: Receiver, begin: Callable[..., Any]) -> None:
    campaign = begin(notify={"webhook": True})
    assert run(campaign.root).told is False, "nothing was begun"
    campaign.run_cycle()
    assert run(campaign.root).told is False, "it was committed"
    campaign.run_until("train_adapter")
    assert run(campaign.root).told and not run(campaign.root).told
    assert events(receiver) == [("cycle_failed", 1)]


def test_an_engine_says_what_failed(receiver: Receiver, begin: Callable[..., Any]) -> None:
    campaign = begin(notify={"webhook": True})
    assert run(campaign.root, "labelcycle-cycle-x7 ended as Failed").told
    assert "cycle 0: failed: labelcycle-cycle-x7 ended as Failed." in json.loads(receiver.requests[0][1])["text"]


def test_secrets_do_not_leave_in_messages(
    receiver: Receiver, begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin(notify={"webhook": True})
    monkeypatch.setenv("SOME_PASSWORD", "hunter2hunter2")
    run(campaign.root, f"denied to hunter2hunter2 {receiver.url} " + "x" * 600)
    said = json.loads(receiver.requests[0][1])["detail"]
    assert "hunter2" not in said and "very-secret-path" not in said and len(said) < 520


def test_what_label_ingest_refuses_is_told_at_once(
    receiver: Receiver, begin_on_images: Callable[..., Any], tmp_path: Path
) -> None:
    campaign = begin_on_images(labels_from=None, notify={"webhook": True})
    campaign.run_cycle()
    (tmp_path / "wrong.csv").write_text("sample_id,label\nnobody,0\n")
    with pytest.raises(InputError):
        campaign.ingest(str(tmp_path / "wrong.csv"))
    assert events(receiver) == [("labels_awaited", 0), ("cycle_failed", 1)]


def test_nobody_is_told_where_nobody_asked_for_it(receiver: Receiver, begin: Callable[..., Any]) -> None:
    campaign = begin(budget=8)
    campaign.run_cycle()
    campaign.run_cycle()
    assert not run(campaign.root, "why").told and receiver.requests == []
    assert open_store(campaign.root).keys("notifications/") == []


def test_a_receiver_that_is_away_fails_no_stage(receiver: Receiver, begin: Callable[..., Any]) -> None:
    receiver.answers = [500]
    campaign = begin(budget=8, notify={"webhook": True})
    campaign.run_cycle()
    assert campaign.run_cycle().committed and len(receiver.requests) == 1


def test_without_a_campaign_it_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="No campaign"):
        run(str(tmp_path))
