"""The publish stage: commit, hand-out, and what repeating it or losing the race does."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign import pool, pool_ids
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.commits import read_commit
from labelcycle.components.core.campaign.cycle_metrics import MISTAKEN
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError

TRAINED = {
    "decision",
    "history",
    "labels",
    "head",
    "training",
    "metrics",
    "query",
    "summary",
    "consensus",
    "label_suspects",
    "learning_curve",
    "confusion_matrix",
    "calibration",
    "feature_map",
    "report",
}


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """A campaign after its cold start."""
    made = begin()
    made.run_cycle()
    return made


def test_the_cold_start(begin: Callable[..., Any]) -> None:
    campaign = begin()
    facts = campaign.run_cycle()
    assert facts.as_record() == {
        "cycle": 0,
        "committed": True,
        "labels": 0,
        "accuracy": None,
        "query_size": 8,
        "handout": f"{campaign.root}/queries/cycle-0000.csv",
        "report": "",
        "accuracy_in_words": "",
    }
    commit = read_commit(campaign.work.store, 0)
    assert commit is not None and commit.objects.keys() == {"decision", "query", "summary"}


def test_a_trained_cycle(campaign: Any) -> None:
    facts = campaign.run_cycle()
    commit = read_commit(campaign.work.store, 1)
    assert commit is not None and commit.objects.keys() == TRAINED
    assert (facts.cycle, facts.committed, facts.labels, facts.query_size) == (1, True, 8, 8)
    assert facts.accuracy == campaign.work.read_json("metrics.json")["accuracy"]
    assert Path(facts.report).read_bytes() == campaign.work.read("report.html")


def test_adapters_are_committed(begin_on_small_network: Callable[..., Any]) -> None:
    campaign = begin_on_small_network(recipe="peal_entropy", overrides={"trainer.epochs": 1, "trainer.rank": 1})
    campaign.run_cycle()
    campaign.run_cycle()
    objects = campaign.state.commits[1].objects
    assert objects.keys() == TRAINED | {"adapter_model", "adapter_config", "contact_sheet"}
    assert objects["adapter_model"].sha256 == campaign.work.read_json("training.json")["adapter_sha256"]


def test_digests_are_those_of_the_stored_bytes(campaign: Any) -> None:
    campaign.run_cycle()
    for commit in campaign.state.commits:
        for reference in commit.objects.values():
            assert digest_of_bytes(campaign.work.store.read(reference.key)) == reference.sha256


def test_the_handout_lists_the_query(campaign: Any) -> None:
    facts = campaign.run_cycle()
    query = read_query(campaign.work.store, campaign.state.commits[1].objects["query"])
    with Path(facts.handout).open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in ("sample_id", "predicted", "reason"):
        assert [row[name] for row in rows] == query[name].to_pylist()
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, 9)]
    assert all(row["label"] == row["status"] == "" for row in rows)


def test_the_tables_of_the_pool_are_read_once(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row each a sample: at a million samples each reading takes a tenth of a second."""
    campaign.run_until("select")
    reads: list[str] = []
    read_table, read_named = pool.read_table, pool_ids.read_named

    def table(store: Any, reference: Any, schema: Any) -> Any:
        reads.append(reference.key)
        return read_table(store, reference, schema)

    def named(store: Any, key: str, *remedy: str) -> bytes:
        reads.append(key)
        return read_named(store, key, *remedy)

    monkeypatch.setattr(pool, "read_table", table)
    monkeypatch.setattr(pool_ids, "read_named", named)
    campaign.run("publish")
    (ids,) = campaign.work.store.keys("pool/ids/")
    assert sorted(reads) == sorted([campaign.work.campaign.pool.key, campaign.work.campaign.quarantine.key, ids])


def test_an_attempt_that_an_earlier_version_evaluated(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It kept no mistaken samples; the map goes without them."""
    campaign.run_until("select")
    read_record = Attempt.read_record

    def as_earlier(self: Attempt, name: str, kind: Any) -> Any:
        assert name != MISTAKEN
        found = read_record(self, name, kind)
        return found.model_copy(update={"mistaken": None}) if name == "metrics.json" else found

    monkeypatch.setattr(Attempt, "read_record", as_earlier)
    assert campaign.run("publish").committed
    assert "feature_map" in campaign.state.commits[1].objects


def test_again_changes_no_byte(campaign: Any) -> None:
    for _ in range(3):
        first = campaign.run_cycle()
        before = campaign.files()
        assert campaign.run("publish") == first
        assert campaign.files() == before


def test_an_older_cycle_published_again_changes_no_byte(campaign: Any) -> None:
    campaign.run_cycle()
    attempt = campaign.attempt
    campaign.run_cycle()
    campaign.run_cycle()
    before = campaign.files()
    campaign.cycle, campaign.attempt = 1, attempt
    assert campaign.run("publish").committed
    assert campaign.files() == before


def test_a_second_attempt_loses_and_changes_nothing(campaign: Any, tmp_path: Path, capsys: Any) -> None:
    asked = read_query(campaign.work.store, campaign.state.commits[0].objects["query"])["sample_id"].to_pylist()
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,label\n" + "".join(f"{name},red\n" for name in asked))
    campaign.ingest(str(path))
    for stage in ("train_adapter", "evaluate", "score", "select"):
        campaign.run(stage)
    loser = (campaign.cycle, campaign.attempt)
    winner = campaign.run_cycle()
    before = {key: data for key, data in campaign.files().items() if f"/{loser[1]}/" not in key}
    campaign.cycle, campaign.attempt = loser
    facts = campaign.run("publish")
    assert not facts.committed and facts.accuracy == winner.accuracy and facts.report == winner.report
    assert "Cycle 1 was committed by another run" in capsys.readouterr().err
    assert {key: data for key, data in campaign.files().items() if f"/{loser[1]}/" not in key} == before
    for key in campaign.work.store.keys("queries/cycle-0001."):
        Path(campaign.work.store.locate(key)).unlink()
    campaign.run("publish")
    handed_out = {key: data for key, data in campaign.files().items() if f"/{loser[1]}/" not in key}
    assert handed_out == before, "the winner, killed before it delivered its query, has it delivered by the loser"


def test_the_summary_has_the_headline_figures(campaign: Any) -> None:
    for _ in range(2):
        campaign.run_cycle()
    first, second = campaign.state.trained
    metrics = campaign.work.read_json("metrics.json")
    assert (second.labels, second.answers, second.query_size) == (16, 16, 8)
    assert (second.accuracy, second.macro_f1, second.ece) == tuple(
        metrics[name] for name in ("accuracy", "macro_f1", "ece")
    )
    assert first.known is not None and first.known + first.unknown == 8
    assert second.known is None


def test_a_copy_of_the_report_is_put_where_the_platform_wants_it(campaign: Any, tmp_path: Path) -> None:
    campaign.run_cycle()
    campaign.run("publish", report=str(tmp_path / "some" / "report"))
    assert (tmp_path / "some" / "report").read_bytes() == campaign.work.read("report.html")


def test_a_stage_that_has_not_run_is_named(campaign: Any) -> None:
    campaign.run_until("evaluate")
    with pytest.raises(CampaignError, match=r"query.parquet is missing: its stage has not run"):
        campaign.run("publish")
    assert len(campaign.state.commits) == 1


def test_the_last_cycle_hands_out_nothing(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=8)
    campaign.run_cycle()
    facts = campaign.run_cycle()
    assert (facts.query_size, facts.handout) == (0, "")
    assert not any(key.startswith("queries/cycle-0001") for key in campaign.files())
