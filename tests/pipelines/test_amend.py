"""`labelcycle amend`: changes are in force from the next cycle on, and cycles before them stay as they were."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.amendments import amendment_key, read_amended_campaign
from labelcycle.components.core.campaign.attempt import open_attempt
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.amending import amend as amending
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.changes_in_words import changes_in_words
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.dashboard.next_step import next_step
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.components.select.test_rechecks import Crew, truth, unlabelled
from tests.conftest import Bench, Pictures


@pytest.fixture
def campaign(begin: Callable[..., Bench]) -> Bench:
    """Two cycles of eight labels, which is all that the budget allows."""
    return begin(recipe="logistic", budget=16, batch=8)


def change(campaign: Bench, reason: str = "", **wanted: Any) -> Any:
    return amend_campaign(open_store(campaign.root), WantedChanges(**wanted), reason)


def run_to_the_end(campaign: Bench) -> None:
    while campaign.state.phase != "done":
        campaign.run_cycle()


def test_a_campaign_whose_budget_is_spent_goes_on(campaign: Bench) -> None:
    store = open_store(campaign.root)
    run_to_the_end(campaign)
    before = campaign.state
    done = change(campaign, "more time", budget=28, batch=6)
    assert (
        done.cycle == done.amendment.cycles == 3
        and done.before.identifier == done.after.identifier == before.campaign.identifier
    )
    assert campaign.state.phase == "amended" and "run" in next_step(store, campaign.state, "r").command
    assert campaign.ingest().reason == "the campaign was amended, and may ask for more"
    run_to_the_end(campaign)
    state = campaign.state
    assert state.commits[:3] == before.commits
    assert [summary.query_size for summary in state.summaries] == [8, 8, 0, 6, 6, 0]
    assert state.summaries[-1].answers == 28 and "the budget of 28 labels is spent" in state.why_done
    assert open_attempt(campaign.root, 2, state.commits[2].attempt).campaign.budget == 16
    assert open_attempt(campaign.root, 3, state.commits[3].attempt).campaign.budget == 28
    assert verify_campaign(store).faults == []
    assert all(replay_selection(store, cycle).agreement == "identical" for cycle in (1, 3))


def test_a_cycle_that_has_begun_goes_on_as_it_began(campaign: Bench) -> None:
    campaign.run_cycle()
    campaign.ingest()
    change(campaign, batch=3)
    for stage in ("embed base", "train_adapter", "embed tuned", "evaluate", "score", "select", "publish"):
        campaign.run(stage)
    assert campaign.state.summaries[-1].query_size == 8
    change(campaign, budget=30)
    campaign.run_cycle()
    assert campaign.state.summaries[-1].query_size == 3


def test_another_strategy(campaign: Bench) -> None:
    campaign.run_cycle()
    done = change(campaign, overrides={"selector.strategy": "entropy"})
    assert list(done.amendment.changes) == ["recipe"]
    campaign.run_cycle()
    assert campaign.work.campaign.recipe.selector.strategy == "entropy"
    assert verify_campaign(open_store(campaign.root)).faults == []


def test_campaigns_that_have_ended_or_ask_for_nothing(campaign: Bench) -> None:
    campaign.run_cycle()
    store, state = open_store(campaign.root), campaign.state
    final = replace(state, summaries=[replace(state.summaries[0], final=True)])
    with pytest.raises(ConfigurationError, match="has its final model, which ends it"):
        amending.changes_of(store, final, WantedChanges(budget=99))
    recipe = state.campaign.recipe.model_copy(update={"data_selection": True})
    selecting = replace(state, campaign=state.campaign.model_copy(update={"recipe": recipe}))
    with pytest.raises(ConfigurationError, match="'logistic' selects training data whose labels are all known"):
        amending.changes_of(store, selecting, WantedChanges(budget=99))


def test_what_is_said_of_a_watched_folder(campaign: Bench) -> None:
    before = campaign.state.campaign
    after = before.amended({"watch_images": "/photos"})
    assert changes_in_words(before, after) == ["watched for new images: – → /photos"]
    assert changes_in_words(after, before) == ["watched for new images: /photos → –"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({}, "Nothing would change"),
        ({"budget": 16, "batch": 8}, "Nothing would change"),
        ({"budget": 0}, "--budget 0: ask for one label at least"),
        ({"budget": 7}, "--budget 7 is less than the 8 labels that were asked for already. Give 8"),
        ({"batch": 0}, "--batch 0"),
        ({"recipe": "peal_entropy"}, "trainer.*how models are made stays as it began"),
        ({"overrides": {"selector.strategy": "entropi"}}, "entropi"),
        ({"overrides": {"selector.strategy": "vecaf_ods"}}, "needs losses"),
        ({"overrides": {"selector.exclude": ["blue-1"]}}, "selector.exclude: lists of samples stay"),
        ({"overrides": {"stop.plateau": 3}}, "stop.plateau: unknown"),
        ({"overrides": {"selector.recheck": 0.1}}, "came with its samples and are the same"),
    ],
)
def test_what_cannot_be(campaign: Bench, wanted: dict[str, Any], message: str) -> None:
    campaign.run_cycle()
    with pytest.raises(ConfigurationError, match=message):
        change(campaign, **wanted)
    assert open_store(campaign.root).keys("amendments/") == []


def test_to_watch_what_is_watched_is_no_change(begin_on_images: Callable[..., Bench], pictures: Pictures) -> None:
    folder = str(pictures.images)
    campaign = begin_on_images(recipe="logistic", watch_images=folder)
    with pytest.raises(ConfigurationError, match="Nothing would change"):
        change(campaign, samples=WantedSamples(watch_images=folder))


def test_a_budget_that_was_asked_for_ends_it_there(campaign: Bench) -> None:
    campaign.run_cycle()
    assert change(campaign, budget=8).after.budget == 8
    campaign.run_cycle()
    assert campaign.state.phase == "done"


def test_what_nobody_has_answered_yet_was_asked_for_too(begin: Callable[..., Bench], tmp_path: Path) -> None:
    people = Crew(begin(**unlabelled(tmp_path), recipe="logistic", budget=60, batch=12, answered_share=0.5))
    people.campaign.run_cycle()
    answered = {row["sample_id"] for row in people.rows(0)[:7]}
    people.fill_in(0, lambda name: truth(name) if name in answered else "")
    people.campaign.run_cycle()
    assert people.campaign.state.summaries[-1].outstanding == 5
    with pytest.raises(ConfigurationError, match="less than the 24 labels that were asked for already. Give 24"):
        change(people.campaign, budget=23)
    assert change(people.campaign, budget=24).after.budget == 24


def test_where_the_pools_labels_are_known_strategies_may_go_on_reading_losses(begin: Callable[..., Bench]) -> None:
    campaign = begin(recipe="logistic", overrides={"selector.strategy": "vecaf_ods"}, pool_labels=True)
    assert change(campaign, budget=30).after.budget == 30
    assert change(campaign, overrides={"stop.target": 0.999}).after.recipe.stop.target
    assert change(campaign, overrides={"selector.strategy": "margin"}).after.recipe.selector.strategy == "margin"
    assert change(campaign, overrides={"selector.strategy": "vecaf_ods"}).amendment.changes.keys() == {"recipe"}
    campaign.run_cycle()
    campaign.run_cycle()
    assert campaign.state.summaries[-1].query_size == 8


def test_another_recipe_keeps_the_lists_of_samples(begin: Callable[..., Bench], tmp_path: Path) -> None:
    file = tmp_path / "exclude.txt"
    file.write_text("red-50\n")
    campaign = begin(recipe="logistic", budget=16, batch=8, exclude=str(file))
    campaign.run_cycle()
    after = change(campaign, recipe="uherding").after
    assert (after.recipe.name, after.recipe.selector.exclude) == ("uherding", ["red-50"])


def test_of_two_at_once_the_second_looks_again(campaign: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    append = amending.append_amendment
    others = iter([WantedChanges(batch=5)])

    def append_after_another(store: Any, amendment: Any) -> bool:
        if (other := next(others, None)) is not None:
            amend_campaign(store, other, "first")
        return append(store, amendment)

    monkeypatch.setattr(amending, "append_amendment", append_after_another)
    change(campaign, "second", budget=20)
    amended = read_amended_campaign(open_store(campaign.root))
    assert [each.reason for each in amended.amendments] == ["first", "second"]
    assert (amended.campaign.batch, amended.campaign.budget) == (5, 20)


def test_an_amendment_that_was_changed_or_lost_is_noticed(campaign: Bench) -> None:
    store = open_store(campaign.root)
    change(campaign, budget=20)
    change(campaign, budget=24)
    first = store.read(amendment_key(0))
    store.write(amendment_key(0), first.replace(b'"budget": 20', b'"budget": 99'))
    with pytest.raises(CampaignError, match=r"amendments/000000\.json"):
        campaign.ingest()
    assert {finding.place for finding in verify_campaign(store).faults} == {amendment_key(0), "amendments"}
    store.write(amendment_key(0), store.read(amendment_key(1)))
    with pytest.raises(CampaignError, match="is the amendment of number 1"):
        campaign.ingest()
    store.write(amendment_key(0), first)
    assert campaign.ingest().decision == "cold_start"


def test_the_command(campaign: Bench, labelcycle: Any, tmp_path: Path) -> None:
    campaign.run_cycle()
    done = labelcycle("amend", campaign.root, "--budget", "40", "--set", "selector.strategy=entropy", "--reason", "why")
    assert done.returncode == 0, done.stderr
    assert "budget: 16 → 40" in done.stdout and "recipe selector.strategy: " in done.stdout
    shown = labelcycle("status", campaign.root)
    assert "why (budget: 16 → 40; recipe selector.strategy" in " ".join(shown.stdout.split())
    facts = json.loads(labelcycle("status", campaign.root, "--json").stdout)
    assert facts["budget"] == 40 and facts["amendments"][0]["changes"]["budget"] == 40
