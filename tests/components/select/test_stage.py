"""The select stage: the query that it writes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.schemas import QUERY
from labelcycle.components.select import STRATEGIES
from labelcycle.components.select.gathering import read_scores


def query(campaign: Any) -> pa.Table:
    return pq.read_table(pa.BufferReader(campaign.work.read("query.parquet")))


@pytest.fixture
def scored(begin: Callable[..., Any]) -> Any:
    """A campaign whose pool is scored."""
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("score")
    return campaign


def test_the_cold_start_knows_no_model(begin: Callable[..., Any]) -> None:
    campaign = begin()
    facts = campaign.run_until("select")
    table = query(campaign)
    assert (facts.strategy, facts.size, table.num_rows) == ("random", 8, 8)
    assert table.schema.equals(QUERY) and table["rank"].to_pylist() == list(range(1, 9))
    assert table["predicted"].null_count == table["confidence"].null_count == 8


def test_the_most_uncertain_come_first(scored: Any) -> None:
    facts = scored.run("select")
    table, scores = query(scored), read_scores(scored.work, 1)
    entropies = dict(zip(scores["sample_id"].to_pylist(), scores["entropy"].to_pylist(), strict=True))
    asked = table["sample_id"].to_pylist()
    assert facts.strategy == "entropy"
    assert sorted(entropies, key=lambda name: -entropies[name])[:8] == asked
    classes = scored.state.campaign.classes
    predicted = dict(zip(scores["sample_id"].to_pylist(), scores["predicted"].to_pylist(), strict=True))
    assert table["predicted"].to_pylist() == [classes[predicted[name]] for name in asked]


def test_nothing_is_asked_twice(begin: Callable[..., Any]) -> None:
    campaign = begin(recipe="random", budget=48, batch=16)
    asked: list[str] = []
    for _ in range(3):
        campaign.run_cycle()
        asked += query(campaign)["sample_id"].to_pylist()
    assert len(asked) == len(set(asked)) == 48


def test_classes_are_balanced_where_the_recipe_says_so(begin: Callable[..., Any]) -> None:
    campaign = begin(overrides={"selector.class_balanced": True}, batch=9)
    campaign.run_cycle()
    campaign.run_until("select")
    predicted = query(campaign)["predicted"].to_pylist()
    assert [predicted.count(name) for name in ("blue", "green", "red")] == [3, 3, 3]


def test_the_facts_name_what_was_written(scored: Any) -> None:
    facts = scored.run("select")
    assert digest_of_bytes(Path(facts.uri).read_bytes()) == facts.sha256


def test_a_copy_is_put_where_the_platform_wants_it(scored: Any, tmp_path: Path) -> None:
    scored.run("select", query=str(tmp_path / "some" / "place"))
    assert (tmp_path / "some" / "place").read_bytes() == scored.work.read("query.parquet")


def test_again_writes_the_same_bytes(scored: Any) -> None:
    scored.run("select")
    before = scored.files()
    scored.run("select")
    assert scored.files() == before


def test_shards_do_not_change_the_query(scored: Any) -> None:
    whole = scored.run("select").sha256
    for shard in range(3):
        scored.run("score", shard=shard, shards=3)
    assert scored.run("select", shards=3).sha256 == whole


def test_a_shard_that_was_not_scored_is_named(scored: Any) -> None:
    scored.run("score", shard=0, shards=2)
    with pytest.raises(CampaignError, match=r"1-of-2.parquet is missing. Run the score stage for every shard"):
        scored.run("select", shards=2)


def test_the_last_query_is_empty(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=8)
    campaign.run_cycle()
    assert campaign.run_until("select").size == 0
    assert query(campaign).schema.equals(QUERY)


def test_an_unknown_strategy_is_refused(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = begin()
    campaign.ingest()
    monkeypatch.delitem(STRATEGIES, "random")
    with pytest.raises(ConfigurationError, match="no strategy 'random'. Choose one of: .*entropy"):
        campaign.run("select")


@pytest.mark.parametrize("stage", ["select", "label_ingest", "score"])
def test_light_stages_load_no_heavy_library(stage: str) -> None:
    script = (
        f"import sys, labelcycle.components.{stage}.stage; "
        "print(sorted({'torch', 'timm', 'peft', 'mlflow', 'sklearn', 'matplotlib'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
