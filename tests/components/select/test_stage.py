"""The select stage: the query that it writes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.storage.tables import QUERY
from labelcycle.components.select import STRATEGIES, Candidates, Picks, strategy
from labelcycle.components.select.gathering import read_scores

WITHOUT_RECHECKS = QUERY.remove(QUERY.get_field_index("recheck"))


def query(campaign: Any) -> pa.Table:
    return pq.read_table(pa.BufferReader(campaign.work.read("query.parquet")))


@contextmanager
def probe(
    needs: set[str] = frozenset(),  # type: ignore[assignment]
    uses: set[str] = frozenset(),  # type: ignore[assignment]
    clusters: list[int] | None = None,
    represents: list[int] | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """A strategy called `probe` that takes the first samples; yields the list of what it was called with."""
    calls: list[dict[str, Any]] = []

    def choose(pool: Candidates, budget: int, seed: int, passes: int = 1) -> Picks:
        calls.append({"pool": pool, "budget": budget, "passes": passes})
        numbers = [None if column is None else np.array(column) for column in (clusters, represents)]
        return Picks(np.arange(budget), np.zeros(budget), ["probe"] * budget, *numbers)

    choose.__name__ = "probe"
    strategy(needs=needs, uses=uses)(choose)
    try:
        yield calls
    finally:
        del STRATEGIES["probe"]


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
    assert table.schema.equals(WITHOUT_RECHECKS) and table["rank"].to_pylist() == list(range(1, 9))
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


def test_parameters_of_the_recipe_reach_the_strategy(begin: Callable[..., Any]) -> None:
    campaign = begin(overrides={"selector.parameters.class_balanced": True}, batch=9)
    campaign.run_cycle()
    campaign.run_until("select")
    predicted = query(campaign)["predicted"].to_pylist()
    assert [predicted.count(name) for name in ("blue", "green", "red")] == [3, 3, 3]


def test_parameters_of_the_cold_start_are_its_own(begin: Callable[..., Any], tmp_path: Path) -> None:
    reasons = []
    for passes in (3, 4):
        overrides = {"cold_start.strategy": "probe", "cold_start.parameters.passes": passes}
        with probe() as calls:
            begin(str(tmp_path / str(passes)), overrides=overrides).run_until("select")
        reasons += calls
    assert [(call["passes"], call["pool"].cycle, call["budget"]) for call in reasons] == [(3, 0, 8), (4, 0, 8)]


@pytest.mark.parametrize("cold", [True, False], ids=["cold start", "with a model"])
def test_strategies_are_given_what_they_read_and_no_more(begin: Callable[..., Any], cold: bool) -> None:
    with probe(needs={"features"}, uses={"labelled_classes"}) as calls:
        campaign = begin(overrides={"cold_start.strategy": "probe", "selector.strategy": "probe"})
        if not cold:
            campaign.run_cycle()
        campaign.run_until("select")
    pool = calls[-1]["pool"]
    assert pool.features is not None
    assert (pool.labelled_classes is None) == cold
    assert pool.probs is pool.head is pool.groups is pool.losses is None
    assert query(campaign)["predicted"].null_count == (8 if cold else 0), "known though the strategy did not ask"


def test_clusters_are_written(begin: Callable[..., Any]) -> None:
    with probe(clusters=[0, 2, 1, -1, 3, 4, 5, 6], represents=[9, 8, 7, 0, 6, 5, 4, 3]):
        campaign = begin(overrides={"cold_start.strategy": "probe"})
        campaign.run_until("select")
    table = query(campaign)
    assert table["cluster"].to_pylist() == [0, 2, 1, None, 3, 4, 5, 6]
    assert table["represents"].to_pylist() == [9, 8, 7, None, 6, 5, 4, 3]
    assert table["explore"].to_pylist() == [False] * 8


def test_without_clusters_their_columns_are_null(scored: Any) -> None:
    scored.run("select")
    assert query(scored)["cluster"].null_count == query(scored)["represents"].null_count == 8


@pytest.mark.parametrize("cold", [True, False], ids=["cold start", "with a model"])
def test_a_share_is_drawn_at_random(begin: Callable[..., Any], cold: bool) -> None:
    campaign = begin(overrides={"cold_start.explore": 0.25, "selector.explore": 0.5})
    if not cold:
        campaign.run_cycle()
    facts = campaign.run_until("select")
    table = query(campaign)
    explored = 2 if cold else 4
    assert facts.explored == explored
    assert table["explore"].to_pylist() == [False] * (8 - explored) + [True] * explored
    assert table["reason"].to_pylist()[-explored:] == ["explore: drawn at random"] * explored


def test_samples_are_left_out_and_included(begin: Callable[..., Any], tmp_path: Path) -> None:
    include = [f"red-{number}" for number in range(50, 60)]
    exclude = [f"blue-{number:02d}" for number in range(4, 20)]
    (tmp_path / "include.txt").write_text("\n".join(include))
    (tmp_path / "exclude.txt").write_text("\n".join(exclude))
    campaign = begin(include=str(tmp_path / "include.txt"), exclude=str(tmp_path / "exclude.txt"), budget=32)
    asked: list[list[str]] = []
    included = []
    for _ in range(4):
        included.append(campaign.run_until("select").included)
        campaign.run("publish")
        asked.append(query(campaign)["sample_id"].to_pylist())
    assert asked[0] == include[:8] and asked[1][:2] == include[8:], "before all others, over two cycles"
    assert included == [8, 2, 0, 0]
    assert not set(exclude) & {name for names in asked for name in names}
    assert [len(names) for names in asked] == [8, 8, 8, 8]


def test_a_campaign_ends_when_all_but_the_excluded_are_asked_for(begin: Callable[..., Any], tmp_path: Path) -> None:
    names = [
        f"{name}-{20 * number + row:02d}" for number, name in enumerate(("blue", "green", "red")) for row in range(20)
    ]
    (tmp_path / "exclude.txt").write_text("\n".join(names[10:]))
    campaign = begin(exclude=str(tmp_path / "exclude.txt"), batch=6, budget=12)
    campaign.run_cycle()
    assert set(query(campaign)["sample_id"].to_pylist()) == set(names[4:10])
    campaign.run_cycle()
    assert query(campaign).num_rows == 0
    assert campaign.state.phase == "done" and campaign.state.why_done.startswith("the pool is exhausted after 6")


def test_quotas_hold_for_groups(begin: Callable[..., Any], tmp_path: Path) -> None:
    rows = [f"blue-{number:02d},north" for number in range(4, 10)] + [f"red-{number},south" for number in range(44, 60)]
    (tmp_path / "groups.csv").write_text("sample_id,group\n" + "\n".join(rows))
    quotas = {"north": 3, "south": 2}
    overrides = {"selector.quotas": quotas, "cold_start.quotas": quotas}
    campaign = begin(groups=str(tmp_path / "groups.csv"), overrides=overrides, budget=32)
    groups = dict(row.split(",") for row in rows)
    found = []
    for _ in range(3):
        campaign.run_cycle()
        asked = [groups.get(name, "") for name in query(campaign)["sample_id"].to_pylist()]
        found.append([asked.count(name) for name in ("north", "south", "")])
    assert found == [[3, 2, 3], [3, 2, 3], [0, 2, 6]], "the north is exhausted by then"


def test_near_duplicates_are_asked_for_once(begin: Callable[..., Any], embeddings: Path, tmp_path: Path) -> None:
    """Every sample of the pool is there three times; none is asked for after its twin was, in any cycle."""
    content = dict(np.load(embeddings))
    pool = np.flatnonzero(content["splits"] == "pool")
    content["features"][pool] = content["features"][pool[np.arange(len(pool)) // 3 * 3]]
    np.savez(tmp_path / "twins.npz", **content)
    twins = {name: row.tobytes() for name, row in zip(content["ids"].tolist(), content["features"], strict=True)}
    overrides = {"selector.near_duplicates": 0.9999, "cold_start.near_duplicates": 0.9999}
    campaign = begin(embeddings=str(tmp_path / "twins.npz"), overrides=overrides, budget=48)
    asked: list[str] = []
    for _ in range(2):
        campaign.run_cycle()
        asked += query(campaign)["sample_id"].to_pylist()
    assert len(asked) == len({twins[name] for name in asked}) == 16
    assert campaign.run_until("select").size == 0, "sixteen pictures are all there are"


KNOWN = {"features", "probs", "head", "labelled_ids", "labelled_features", "labelled_classes"}


@pytest.mark.parametrize("name", [name for name in STRATEGIES if STRATEGIES[name].needs <= KNOWN])
def test_every_strategy_finds_what_it_needs(begin: Callable[..., Any], name: str) -> None:
    campaign = begin(overrides={"selector.strategy": name})
    campaign.run_cycle()
    facts = campaign.run_until("select")
    assert (facts.strategy, facts.size) == (name, 8)


def test_scores_with_dropout_are_used(begin: Callable[..., Any]) -> None:
    scorer = {"name": "dropout", "passes": 7, "rate": 0.5}
    campaign = begin(overrides={"scorer": scorer, "selector.strategy": "bald"})
    campaign.run_cycle()
    campaign.run_until("select")
    table = read_scores(campaign.work, 1)
    information = dict(zip(table["sample_id"].to_pylist(), table["mutual_information"].to_pylist(), strict=True))
    assert query(campaign)["sample_id"].to_pylist() == sorted(information, key=lambda name: -information[name])[:8]


def test_the_environment_names_the_device(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = begin()
    monkeypatch.setenv("LABELCYCLE_SELECT_DEVICE", "nowhere")
    with pytest.raises(ConfigurationError, match="Device 'nowhere' cannot be used"):
        campaign.run_until("select")
    monkeypatch.setenv("LABELCYCLE_SELECT_DEVICE", "cpu")
    assert campaign.run("select").size == 8


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
    scored.forget("select")
    for shard in range(3):
        scored.run("score", shard=shard, shards=3)
    assert scored.run("select", shards=3).sha256 == whole


def test_a_shard_that_was_not_scored_is_named(scored: Any) -> None:
    scored.run("score", shard=0, shards=2)
    with pytest.raises(CampaignError, match=r"1-of-2.parquet is missing: its stage has not run"):
        scored.run("select", shards=2)


def test_the_last_query_is_empty(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=8)
    campaign.run_cycle()
    assert campaign.run_until("select").size == 0
    assert query(campaign).schema.equals(WITHOUT_RECHECKS)


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
