"""Test sets that the budget pays for: drawn at random, asked for first, never learnt from, growing with the answers."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.delivery_order import as_delivered
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.labelling.label_studio.send_query import wanted_of
from labelcycle.components.tracking.promoting import judge_new_cycles
from labelcycle.pipelines.dashboard.screen import print_status
from labelcycle.pipelines.dashboard.view import read_status
from labelcycle.pipelines.initialise.test_from_budget import by_default
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import CLASSES, Bench

Begin = Callable[..., Bench]


@pytest.fixture
def unlabelled(tmp_path: Path) -> str:
    """A hundred and fifty embeddings in three classes, by their ids, without a label or a split."""
    generator = np.random.default_rng(2)
    centres = np.repeat(np.eye(3, 8), 50, axis=0) * 4
    ids = [f"{name}-{row:02d}" for name in CLASSES for row in range(50)]
    features = (centres + generator.normal(size=(150, 8))).astype(np.float32)
    np.savez(tmp_path / "unlabelled.npz", ids=np.array(ids), features=features)
    return str(tmp_path / "unlabelled.npz")


@pytest.fixture
def oracle(tmp_path: Path) -> str:
    """Labels of all of them."""
    rows = [f"{name}-{row:02d},{name}" for name in CLASSES for row in range(50)]
    (tmp_path / "oracle.csv").write_text("\n".join(["sample_id,label", *rows, ""]))
    return str(tmp_path / "oracle.csv")


def picks_of(campaign: Bench) -> list[str]:
    table = load_pool(open_store(campaign.root), campaign.state.campaign)
    rows = zip(table["sample_id"].to_pylist(), table["split"].to_pylist(), strict=True)
    return [name for name, split in rows if split == "test"]


def asked(campaign: Bench, cycle: int) -> list[str]:
    commit = campaign.state.commits[cycle]
    found: list[str] = read_query(open_store(campaign.root), commit.objects["query"])["sample_id"].to_pylist()
    return found


def measured(campaign: Bench) -> CycleMetrics:
    return campaign.work.read_record("metrics.json", CycleMetrics)


def answer(campaign: Bench, cycle: int, names: list[str], wrong: Mapping[str, str] = MappingProxyType({})) -> None:
    """Fill in the query's CSV for these samples, with their own classes or the wrong ones that are given."""
    path = Path(campaign.root) / delivery_key(cycle)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(
            row | {"label": wrong.get(row["sample_id"], row["sample_id"].partition("-")[0])}
            if row["sample_id"] in names
            else row
            for row in rows
        )


def test_the_first_random_picks_measure_and_are_never_learnt_from(
    begin: Begin, unlabelled: str, oracle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {"embeddings": unlabelled, "labels_from": oracle, "budget": 46, "batch": 8}
    campaign = begin(test_from_budget=30, **settings)
    told = capsys.readouterr().err
    assert "30 of the 46 labels of the budget are to test with, 16 to learn from" in told
    assert "to 11 points either way, one of 50 % to 18 (95 %)" in told and "--test-from-budget N" in told
    picks = picks_of(campaign)
    assert len(picks) == 30
    campaign.run_cycle()
    query = read_query(open_store(campaign.root), campaign.state.commits[0].objects["query"])
    assert sorted(query["sample_id"].to_pylist()[:30]) == picks and query.num_rows == 38
    assert query["rank"].to_pylist() == list(range(1, 39))
    assert set(query["reason"].to_pylist()[:30]) == {"to test with: drawn at random, never learnt from"}
    rows = list(csv.DictReader((Path(campaign.root) / delivery_key(0)).read_text().splitlines()))
    delivered = [row["sample_id"] for row in rows]
    assert sorted(delivered) == sorted(query["sample_id"].to_pylist())
    assert 0 < len(set(delivered[:19]) - set(picks)) < 8
    assert wanted_of(as_delivered(query, campaign.state.campaign, 0), 0)[0].sample_id == delivered[0]
    ingested = campaign.ingest()
    assert ingested.reason == "38 new labels, 30 of them to test with"
    assert campaign.work.tested().keys() == set(picks)
    assert not campaign.work.labelled().keys() & set(picks) and len(campaign.work.labelled()) == 8
    first = campaign.run_cycle()
    assert (first.labels, first.query_size) == (8, 8)
    last = campaign.run_cycle()
    assert (last.labels, last.query_size) == (16, 0)
    assert not {name for cycle in (1, 2) for name in asked(campaign, cycle)} & set(picks)
    assert [summary.answers for summary in campaign.state.summaries] == [0, 38, 46]
    assert [summary.test_samples for summary in campaign.state.summaries] == [None, 30, 30]
    assert measured(campaign).test_samples == 30 and (measured(campaign).accuracy or 0) > 0.8
    store = open_store(campaign.root)
    assert verify_campaign(store).faults == []
    assert [replay_selection(store, cycle, shards).agreement for cycle, shards in ((0, 1), (1, 3))] == ["identical"] * 2


def test_the_picks_follow_from_seed_and_ids(begin: Begin, unlabelled: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"embeddings": unlabelled, "classes": CLASSES, "budget": 46, "test_from_budget": 30}
    picks = picks_of(begin(str(tmp_path / "one"), **settings))
    assert picks_of(begin(str(tmp_path / "two"), recipe="random", overrides={}, **settings)) == picks
    assert picks_of(begin(str(tmp_path / "three"), seed=1, **settings)) != picks


def test_labels_of_the_embeddings_answer_for_the_picks_too(begin: Begin, unlabelled: str, tmp_path: Path) -> None:
    arrays = dict(np.load(unlabelled))
    arrays["labels"] = np.array([name.partition("-")[0] for name in arrays["ids"].tolist()])
    np.savez(tmp_path / "labelled.npz", **arrays)
    campaign = begin(embeddings=str(tmp_path / "labelled.npz"), budget=38, test_from_budget=30)
    campaign.run_cycle()
    assert campaign.run_cycle().labels == 8 and measured(campaign).test_samples == 30


def test_unanswered_picks_are_not_in_the_test_set_yet(begin: Begin, unlabelled: str) -> None:
    campaign = begin(
        embeddings=unlabelled, classes=CLASSES, budget=46, batch=8, test_from_budget=30, answered_share=0.3
    )
    campaign.run_cycle()
    query = asked(campaign, 0)
    answer(campaign, 0, query[:10] + query[30:])
    first = campaign.run_cycle()
    assert measured(campaign).test_samples == 10 and "on 10 test samples" in first.accuracy_in_words
    before = measured(campaign).test_set
    answer(campaign, 0, query)
    answer(campaign, 1, asked(campaign, 1))
    campaign.run_cycle()
    assert measured(campaign).test_samples == 30 and measured(campaign).test_set != before
    assert [summary.test_samples for summary in campaign.state.summaries] == [None, 10, 30]
    store = open_store(campaign.root)
    report = store.read(campaign.state.commits[-1].objects["report"].key).decode()
    assert "Accuracy is of 30 of 30 samples to test with" in report
    assert "The test set had 10 samples in the cycle before" in report
    shown = Console(file=io.StringIO(), width=120)
    print_status(shown, read_status(store, campaign.root))
    assert "tested with 30 of 30 samples; it had 10 a cycle before: 0." in shown.file.getvalue()
    judged = judge_new_cycles(store, campaign.state).promotions[-1]
    assert "the champion, cycle 1, has " in judged.reason and "on the same test samples" in judged.reason
    assert verify_campaign(store).faults == []


def test_corrected_test_labels_are_no_progress_of_the_model(begin: Begin, unlabelled: str) -> None:
    campaign = begin(embeddings=unlabelled, classes=CLASSES, budget=46, batch=8, test_from_budget=30)
    campaign.run_cycle()
    query = asked(campaign, 0)
    [learnt] = [name for name in query if name not in picks_of(campaign)][:1]
    wrong = {name: "red" if name[0] != "r" else "blue" for name in [*picks_of(campaign)[:3], learnt]}
    answer(campaign, 0, query, wrong)
    campaign.run_cycle()
    assert (measured(campaign).labels_corrected, measured(campaign).test_labels_corrected) == (None, None)
    answer(campaign, 0, query)
    answer(campaign, 1, asked(campaign, 1))
    campaign.run_cycle()
    assert (measured(campaign).labels_corrected, measured(campaign).test_labels_corrected) == (4, 3)
    store = open_store(campaign.root)
    report = store.read(campaign.state.commits[-1].objects["report"].key).decode()
    assert "3 test labels were corrected since the cycle before, so the changes are not of the model alone" in report
    assert "1 earlier label was corrected, of those to learn from" in report
    shown = Console(file=io.StringIO(), width=120)
    print_status(shown, read_status(store, campaign.root))
    assert "3 test labels were corrected since the cycle before, so the change is not" in shown.file.getvalue()
    assert verify_campaign(store).faults == []


def test_nothing_answered_of_the_test_set_is_an_estimate(begin: Begin, unlabelled: str) -> None:
    campaign = begin(
        embeddings=unlabelled, classes=CLASSES, budget=46, batch=12, test_from_budget=30, answered_share=0.2
    )
    campaign.run_cycle()
    answer(campaign, 0, asked(campaign, 0)[30:])
    told = campaign.run_cycle().accuracy_in_words
    assert told.startswith("cross-validated estimate 0.") and measured(campaign).accuracy is None


def test_whole_groups_are_drawn_or_set_aside(begin: Begin, unlabelled: str, tmp_path: Path) -> None:
    rows = [f"{name}-{row:02d},{name} {row // 5}" for name in CLASSES for row in range(50)]
    (tmp_path / "groups.csv").write_text("\n".join(["sample_id,group", *rows, ""]))
    groups = dict(row.split(",") for row in rows)
    campaign = begin(
        embeddings=unlabelled, classes=CLASSES, budget=46, test_from_budget=23, groups=str(tmp_path / "groups.csv")
    )
    table = load_pool(open_store(campaign.root), campaign.state.campaign).to_pylist()
    of = {split: {groups[row["sample_id"]] for row in table if row["split"] == split} for split in ("pool", "test")}
    assert len(picks_of(campaign)) == 23 and len(of["test"]) == 5 and not of["pool"] & of["test"]
    assert len(table) == 150 - 2


def test_known_labels_and_lists_are_not_drawn(begin: Begin, unlabelled: str, tmp_path: Path) -> None:
    known = [f"{name}-{row:02d}" for name in CLASSES for row in range(30)]
    (tmp_path / "known.csv").write_text("sample_id,label\n" + "".join(f"{n},{n.partition('-')[0]}\n" for n in known))
    (tmp_path / "exclude.txt").write_text("\n".join(f"{name}-{row}" for name in CLASSES for row in range(30, 35)))
    campaign = begin(
        embeddings=unlabelled,
        known_labels=[str(tmp_path / "known.csv")],
        exclude=str(tmp_path / "exclude.txt"),
        budget=38,
        batch=8,
        test_from_budget=30,
    )
    assert min(int(name.partition("-")[2]) for name in picks_of(campaign)) >= 35
    assert campaign.run_cycle().query_size == 38
    assert measured(campaign).accuracy is None and measured(campaign).labels == 90


@pytest.mark.parametrize(
    ("budget", "testing", "learning"), [(300, 75, 225), (100, 25, 75), (99, 0, 99), (4000, 250, 3750)]
)
def test_a_budget_without_a_test_set_is_split_and_says_so(
    begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str], budget: int, testing: int, learning: int
) -> None:
    ids = np.array([f"s{row:04d}" for row in range(1000)])
    np.savez(tmp_path / "many.npz", ids=ids, features=np.random.default_rng(0).normal(size=(1000, 2)))
    campaign = begin(embeddings=str(tmp_path / "many.npz"), classes=CLASSES, budget=budget, batch=8)
    assert len(picks_of(campaign)) == campaign.state.campaign.test_from_budget == testing
    told = capsys.readouterr().err
    if testing:
        assert f"{testing} of the {budget} labels of the budget are to test with, {learning} to learn from" in told
        assert "No test set was given, so a part of the budget makes one" in told
    else:
        assert "There is no test set: accuracy will be a cross-validated estimate" in told
        assert "would be fewer than 25 test samples" in told
    assert "--test-from-budget N" in told


@pytest.mark.parametrize(
    ("budget", "free", "testing"), [(4000, 9000, 400), (4000, 100, 25), (4000, 99, 0), (100, 9000, 25), (99, 9000, 0)]
)
def test_how_many_there_are_by_default(budget: int, free: int, testing: int) -> None:
    assert by_default(budget, free) == testing


@pytest.mark.parametrize(("pool", "testing"), [(60, 0), (120, 30)])
def test_a_small_pool_gives_a_quarter_or_nothing(begin: Begin, tmp_path: Path, pool: int, testing: int) -> None:
    ids = np.array([f"s{row:04d}" for row in range(pool)])
    np.savez(tmp_path / "few.npz", ids=ids, features=np.random.default_rng(0).normal(size=(pool, 2)))
    campaign = begin(embeddings=str(tmp_path / "few.npz"), classes=CLASSES, budget=500, batch=8)
    assert len(picks_of(campaign)) == campaign.state.campaign.test_from_budget == testing


def test_groups_that_give_too_few_to_draw_leave_an_estimate(begin: Begin, unlabelled: str, tmp_path: Path) -> None:
    rows = [f"{name}-{row:02d},one" for name in CLASSES for row in range(50)]
    (tmp_path / "groups.csv").write_text("\n".join(["sample_id,group", *rows, ""]))
    campaign = begin(embeddings=unlabelled, classes=CLASSES, budget=120, groups=str(tmp_path / "groups.csv"))
    assert picks_of(campaign) == []


def test_few_known_labels_are_learnt_from_and_people_label_the_test_set(
    begin: Begin, unlabelled: str, tmp_path: Path
) -> None:
    known = [f"{name}-{row:02d},{name}" for name in CLASSES for row in range(4)]
    (tmp_path / "known.csv").write_text("\n".join(["sample_id,label", *known, ""]))
    campaign = begin(embeddings=unlabelled, known_labels=[str(tmp_path / "known.csv")], budget=120)
    assert len(picks_of(campaign)) == 30
    assert campaign.ingest().reason == "12 labels were known when the campaign began"


def test_a_single_query_leaves_room_for_the_test_set(begin: Begin, unlabelled: str) -> None:
    campaign = begin(
        embeddings=unlabelled,
        classes=CLASSES,
        budget=46,
        test_from_budget=30,
        overrides={"cold_start.single_shot": True},
    )
    assert campaign.run_cycle().query_size == 46


def test_what_cannot_be(begin: Begin, unlabelled: str, embeddings: Path) -> None:
    own: dict[str, Any] = {"embeddings": unlabelled, "classes": CLASSES}
    for settings, message in (
        ({"test_from_budget": 10}, "There is a test set of 12 samples already"),
        (own | {"test_from_budget": 20}, "20 and a first query of 8 labels are more than --budget 24"),
        (own | {"test_from_budget": 150, "budget": 160}, "--test-from-budget 150: the pool cannot give so many"),
        (own | {"budget": 10, "batch": 20}, "--batch 20 is larger than --budget 10"),
        (own | {"test_from_budget": 0, "budget": 10, "batch": 20}, "--batch 20 is larger than --budget 10"),
        (own | {"test_share": 0.2}, "--test-share does nothing here: no label is known"),
        ({"test_share": 0.2}, "--test-share does nothing here: there is a test set already"),
        ({"test": None, "test_share": 0.2, "test_from_budget": 5} | own, "--test-from-budget decides"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            begin(**settings)
