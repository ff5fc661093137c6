"""Replay: the query of a committed cycle comes again from what is stored, and what was changed is noticed."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from labelcycle.components.core.campaign.commits import read_commits
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage import open_store
from labelcycle.components.select import STRATEGIES
from labelcycle.pipelines.cli.main import app
from labelcycle.pipelines.replay import replay
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import Bench

NAMES = ["random", "entropy", "margin", "badge", "coreset", "kmeans", "typiclust", "probcover"]


def test_every_cycle_comes_out_the_same(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    for _ in range(3):
        campaign.run_cycle()
    before = campaign.files()
    store = open_store(campaign.root)
    for cycle in range(3):
        found = replay_selection(store, cycle, shards=1 + cycle)
        assert (found.agreement, found.columns, found.first_difference, found.asked) == ("identical", [], None, True)
        assert found.chosen == found.again and len(found.chosen) == 8
    assert campaign.files() == before


@pytest.mark.parametrize("strategy", NAMES)
def test_strategies(begin: Callable[..., Bench], strategy: str) -> None:
    campaign = begin(overrides={"selector.strategy": strategy})
    campaign.run_cycle()
    campaign.run_cycle()
    found = replay_selection(open_store(campaign.root), 1)
    assert found.strategy == strategy and found.agreement == "identical"


def test_dropout_draws_the_same_masks(begin: Callable[..., Bench]) -> None:
    campaign = begin(recipe="dropquery", overrides={})
    campaign.run_cycle()
    campaign.run_cycle()
    assert replay_selection(open_store(campaign.root), 1).agreement == "identical"


def test_a_model_under_an_adapter(begin_on_images: Callable[..., Bench]) -> None:
    campaign = begin_on_images(recipe="peal_featdist", overrides={"trainer.epochs": 1, "trainer.rank": 1})
    campaign.run_cycle()
    campaign.run_cycle()
    assert replay_selection(open_store(campaign.root), 1).agreement == "identical"


def test_data_selection(begin: Callable[..., Bench], text_encoder: Any) -> None:
    campaign = begin(recipe="vecaf_linear", batch=8, text_encoder=str(text_encoder))
    campaign.run_cycle()
    campaign.run_cycle()
    for cycle in (0, 1):
        assert replay_selection(open_store(campaign.root), cycle).agreement == "identical"


def test_on_s3(begin: Callable[..., Bench], s3_root: str) -> None:
    campaign = begin(s3_root)
    campaign.run_cycle()
    campaign.run_cycle()
    before = campaign.files()
    assert replay_selection(open_store(s3_root), 1).agreement == "identical"
    assert campaign.files() == before


def test_another_model_chooses_others(begin: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_cycle()
    score = replay.score_pool

    def scored_by_another(work: Any, *shard: int) -> Any:
        head = read_head(work.read("head.safetensors"))
        head.weight[:] = np.roll(head.weight, 1, axis=1)
        work.write("head.safetensors", head.to_bytes())
        return score(work, *shard)

    monkeypatch.setattr(replay, "score_pool", scored_by_another)
    found = replay_selection(open_store(campaign.root), 1)
    assert found.agreement == "different" and found.chosen != found.again
    assert found.first_difference is not None
    rank = found.first_difference - 1
    assert found.chosen[:rank] == found.again[:rank] and found.chosen[rank] != found.again[rank]


def test_other_figures_of_the_same_samples_are_told(
    begin: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_cycle()
    choose = replay.choose_query

    def with_other_scores(work: Any, shards: int) -> Any:
        table = choose(work, shards)
        place = table.schema.get_field_index("score")
        return table.set_column(place, table.schema.field(place), [[1.0] * table.num_rows])

    monkeypatch.setattr(replay, "choose_query", with_other_scores)
    found = replay_selection(open_store(campaign.root), 1)
    assert (found.agreement, found.columns, found.first_difference) == ("same_samples", ["score"], None)


def raise_version(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let this labelcycle have the next version of a strategy."""
    strategy = STRATEGIES[name]
    monkeypatch.setitem(STRATEGIES, name, dataclasses.replace(strategy, version=strategy.version + 1))


def test_another_version_of_the_strategy_is_not_comparable(
    begin: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin(recipe="dropquery", overrides={"trainer.epochs": 20})
    campaign.run_cycle()
    campaign.run_cycle()
    before, now = campaign.files(), STRATEGIES["dropquery"].version
    raise_version(monkeypatch, "dropquery")
    store = open_store(campaign.root)
    found = replay_selection(store, 1)
    assert (found.agreement, found.made_by, found.present) == ("not_comparable", now, now + 1)
    assert (found.again, found.columns, found.first_difference) == ([], [], None) and len(found.chosen) == 8
    assert replay_selection(store, 0).agreement == "identical", "the cold start was another strategy's"
    answer = CliRunner().invoke(app, ["replay", campaign.root, "--cycle", "1"])
    assert answer.exit_code == 0 and "different" not in answer.output
    assert answer.output == (
        f"not comparable: cycle 1 was made by version {now} of dropquery; this labelcycle has version {now + 1}\n"
    )
    as_json = CliRunner().invoke(app, ["replay", campaign.root, "--cycle", "1", "--json"])
    assert json.loads(as_json.stdout)["agreement"] == "not_comparable"
    assert not verify_campaign(store).faults and campaign.files() == before
    campaign.run_cycle()
    assert replay_selection(store, 2).agreement == "identical", "this one was made by the next version"
    assert not verify_campaign(store).faults


def test_another_version_of_the_cold_start(begin: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = begin(recipe="typiclust")
    campaign.run_cycle()
    raise_version(monkeypatch, "typiclust")
    assert replay_selection(open_store(campaign.root), 0).agreement == "not_comparable"


def test_a_query_that_the_stop_rule_withdrew(begin: Callable[..., Bench]) -> None:
    campaign = begin(budget=48, overrides={"stop.plateau_cycles": 1, "stop.plateau_gain": 1.0})
    while campaign.run_cycle().query_size:
        pass
    last = len(campaign.state.commits) - 1
    assert campaign.state.summaries[-1].stopped is not None
    found = replay_selection(open_store(campaign.root), last)
    assert found.agreement == "identical" and not found.asked and len(found.chosen) == 8


def test_a_cycle_that_is_not_committed(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    with pytest.raises(CampaignError, match="Cycle 0 of .* is not committed"):
        replay_selection(open_store(campaign.root), 0)


def test_a_damaged_model_is_named(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_cycle()
    store = open_store(campaign.root)
    key = read_commits(store)[1].objects["head"].key
    store.write(key, store.read(key)[:-1])
    with pytest.raises(CampaignError, match=f"{key} was changed after it was written"):
        replay_selection(store, 1)
