"""Which versions of algorithms a cycle is made by: told, part of its attempt, and never mixed."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.campaign.commits import read_commits
from labelcycle.components.core.campaign.decision import FIRST, attempt_name
from labelcycle.components.core.config.trainers import DropQueryTrainer, LinearTrainer
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.select import STRATEGIES, strategy
from labelcycle.pipelines.verification.verify import verify_campaign

QUICK = {"trainer.epochs": 20}


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """Its cold start is by kmeans, its trainer and strategy are both called dropquery."""
    return begin(recipe="dropquery", overrides=QUICK)


@pytest.fixture
def first(begin: Callable[..., Any]) -> Any:
    """Its cold start is by an algorithm of which there is a first version alone."""
    assert STRATEGIES["random"].version == FIRST
    return begin(recipe="dropquery", overrides=QUICK | {"cold_start.strategy": "random"})


STRATEGY, TRAINER = STRATEGIES["dropquery"].version, DropQueryTrainer.version
"""Versions of the two that are called dropquery."""


def raise_version(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    strategy = STRATEGIES[name]
    monkeypatch.setitem(STRATEGIES, name, dataclasses.replace(strategy, version=strategy.version + 1))


def told(campaign: Any) -> Any:
    """What decision.json says of the attempt that the stages work on."""
    work = campaign.work
    return json.loads(work.store.read(work.key("decision.json"))).get("algorithms")


def test_the_decision_tells_them(campaign: Any) -> None:
    campaign.run_cycle()
    assert told(campaign) == {"cold_start": {"name": "kmeans", "version": STRATEGIES["kmeans"].version}}
    campaign.run_cycle()
    assert told(campaign) == {
        "trainer": {"name": "dropquery", "version": TRAINER},
        "strategy": {"name": "dropquery", "version": STRATEGY},
    }


def test_a_last_cycle_asks_nobody(campaign: Any) -> None:
    while not campaign.state.commits or campaign.state.phase != "done":
        campaign.run_cycle()
    assert told(campaign).keys() == {"trainer"}


def test_what_fine_tunes_is_told(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(recipe="asvp", overrides={})
    campaign.run_cycle()
    campaign.ingest()
    found = {role: algorithm["name"] for role, algorithm in told(campaign).items()}
    assert found == {"trainer": "proxy", "alignment": "ft", "strategy": "margin"}


def test_first_versions_leave_the_name_of_an_attempt_as_it_was(first: Any) -> None:
    first.run_cycle()
    decision = first.work.decision
    earlier = decision.model_copy(update={"algorithms": {}})
    assert "algorithms" not in earlier.model_dump(mode="json")
    assert attempt_name(first.state.campaign, earlier) == first.attempt


def test_an_earlier_attempt_keeps_its_decision(first: Any) -> None:
    """As a campaign is whose cycle an earlier labelcycle has begun, and did not finish."""
    first.run_until("select")
    work = first.work
    old = json.loads(work.store.read(work.key("decision.json")))
    del old["algorithms"]
    data = canonical_json(old)
    work.store.write(work.key("decision.json"), data)
    attempt = first.attempt
    first.run_cycle()
    assert first.attempt == attempt and work.store.read(work.key("decision.json")) == data
    assert not verify_campaign(work.store).faults


def test_a_damaged_decision_is_written_anew(campaign: Any) -> None:
    campaign.ingest()
    work = campaign.work
    key, sound = work.key("decision.json"), work.store.read(work.key("decision.json"))
    for damaged in (b"", b"{}", sound.replace(b'"query_size":8', b'"query_size":9')):
        work.store.write(key, damaged)
        campaign.ingest()
        assert work.store.read(key) == sound


def test_another_version_begins_another_attempt(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.run_cycle()
    campaign.run_until("score")
    begun, before = campaign.attempt, campaign.files()
    raise_version(monkeypatch, "dropquery")
    campaign.run_cycle()
    assert campaign.attempt != begun
    assert told(campaign)["strategy"] == {"name": "dropquery", "version": STRATEGY + 1}
    assert read_commits(open_store(campaign.root))[1].attempt == campaign.attempt
    after = campaign.files()
    assert {key: after.get(key) for key in before} == before, "nothing is lost, and nothing mixed"
    assert not verify_campaign(open_store(campaign.root)).faults


def test_a_stage_goes_on_with_no_other_version(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a workflow's first pods had another image."""
    campaign.run_cycle()
    campaign.run_until("embed base")
    with monkeypatch.context() as patch:
        patch.setattr(DropQueryTrainer, "version", TRAINER + 1)
        told_so = f"started with version {TRAINER} of dropquery, and this labelcycle has version {TRAINER + 1}"
        with pytest.raises(CampaignError, match=told_so):
            campaign.run("train_adapter")
    for stage in ("train_adapter", "evaluate", "score"):
        campaign.run(stage)
    raise_version(monkeypatch, "dropquery")
    with pytest.raises(CampaignError, match="Run the cycle from its first stage, label_ingest"):
        campaign.run("select")


def test_another_algorithm_may_have_another_version(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.run_cycle()
    campaign.ingest()
    begun = campaign.attempt
    monkeypatch.setattr(LinearTrainer, "version", LinearTrainer.version + 1)
    raise_version(monkeypatch, "kmeans")
    assert campaign.ingest().attempt == begun


def test_versions_are_counted_from_one() -> None:
    with pytest.raises(ConfigurationError, match="is 1 or more; got 0"):
        strategy(version=0)
