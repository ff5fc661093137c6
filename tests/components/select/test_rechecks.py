"""Rechecks through whole cycles: which labels are asked for again, what people see of it, and what comes of it."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.campaign.history import History
from labelcycle.components.core.campaign.history_tables import read_requests
from labelcycle.components.core.campaign.queries import requests_in
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.label_ingest.awaited_labels import awaited_labels
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.select.doubted_picks import allowance
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.cost.account import account_of, as_facts
from labelcycle.pipelines.cost.table import notes
from labelcycle.pipelines.dashboard.view import read_status
from labelcycle.pipelines.metrics.campaign_figures import read_figures
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign

CLASSES = ["blue", "green", "red"]
WRONG = 3


def truth(name: str) -> str:
    return name.partition("-")[0]


def other(name: str) -> str:
    return CLASSES[(CLASSES.index(truth(name)) + 1) % 3]


class Crew:
    """One person who fills in the CSVs, and labels some of the first query wrongly."""

    def __init__(self, campaign: Any) -> None:
        self.campaign = campaign

    def rows(self, cycle: int) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(open_store(self.campaign.root).read(delivery_key(cycle)).decode())))

    def fill_in(self, cycle: int, label: Callable[[str], str], annotator: str = "") -> None:
        rows = [row | {"label": label(row["sample_id"])} for row in self.rows(cycle)]
        rows = [row | ({"annotator": annotator} if annotator else {}) for row in rows]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        open_store(self.campaign.root).write(delivery_key(cycle), text.getvalue().encode())

    def requests(self) -> list[Any]:
        return requests_in(read_requests(open_store(self.campaign.root), History(), self.campaign.state.commits))

    def rechecks(self) -> dict[str, int]:
        return {request.sample_id: request.cycle for request in self.requests() if request.recheck}


def suspects(campaign: Any) -> set[str]:
    """The labels that the last model holds for wrong."""
    return {row["sample_id"] for row in campaign.work.read_json("metrics.json")["label_suspects"]["rows"]}


def unlabelled(folder: Path) -> dict[str, Any]:
    """Settings for ninety embeddings in three classes, nine of them to test with."""
    generator = np.random.default_rng(2)
    labels = np.repeat(CLASSES, 30)
    centres = np.repeat(np.eye(3, 8), 30, axis=0) * 6
    ids = np.array([f"{name}-{row:02d}" for row, name in enumerate(labels)])
    np.savez(folder / "unlabelled.npz", ids=ids, features=(centres + generator.normal(size=(90, 8))).astype(np.float32))
    (folder / "test.csv").write_text("sample_id,label\n" + "".join(f"{name},{truth(name)}\n" for name in ids[::10]))
    return {"embeddings": f"{folder}/unlabelled.npz", "test": f"{folder}/test.csv", "classes": CLASSES}


@pytest.fixture
def crew(begin: Callable[..., Any], tmp_path: Path) -> Callable[..., tuple[Crew, list[str]]]:
    """A function: settings → a campaign with a trained cycle, three of whose 24 labels are wrong; and which."""

    def begun(annotator: str = "", **settings: Any) -> tuple[Crew, list[str]]:
        campaign = begin(**unlabelled(tmp_path), budget=60, batch=12, initial=24, **settings)
        campaign.run_until("publish")
        found = Crew(campaign)
        wrong = [row["sample_id"] for row in found.rows(0)][:WRONG]
        found.fill_in(0, lambda name: other(name) if name in wrong else truth(name), annotator)
        campaign.run_cycle()
        return found, wrong

    return begun


def test_doubted_labels_are_asked_for_again_and_corrected(crew: Callable[..., tuple[Crew, list[str]]]) -> None:
    people, wrong = crew(recheck=0.25)
    assert set(people.rechecks()) == set(wrong) and set(people.rechecks().values()) == {1}
    assert len(people.rows(1)) == 12
    campaign = people.campaign
    people.fill_in(1, truth)
    campaign.run_cycle()
    assert all(campaign.work.labelled()[name] == truth(name) for name in wrong)
    metrics = campaign.work.read_json("metrics.json")
    assert metrics["rechecks"] | {"corrections": 0} == {
        "asked": 3, "answered": 3, "confirmed": 0, "corrected": 3, "corrections": 0
    }  # fmt: skip
    assert metrics["disputed"]["count"] == 0
    assert metrics["labels_corrected"] == 3 and metrics["labels"] == 33 and metrics["answers"] == 36
    assert [person["annotator"] for person in metrics["annotators"]["people"]] == [""]
    assert "3 labels were asked for again: 0 confirmed, 3 corrected" in campaign.work.read("report.html").decode()
    status = read_status(open_store(campaign.root), campaign.root)
    assert status.rechecks is not None and status.rechecks.in_words.endswith("0 confirmed, 3 corrected")
    assert read_figures(open_store(campaign.root)).rechecks == status.rechecks
    account = account_of(campaign.root)
    assert "of the labels paid for, 3 labels were asked for again: 0 confirmed, 3 corrected" in notes(account, None)
    assert as_facts(account, None)["rechecks"] == metrics["rechecks"]
    assert not verify_campaign(open_store(campaign.root)).faults
    assert replay_selection(open_store(campaign.root), 1).agreement == "identical"


@pytest.mark.parametrize("annotator", ["", "ann"])
def test_the_first_answers_do_not_count_as_answers_to_the_query(
    crew: Callable[..., tuple[Crew, list[str]]], annotator: str
) -> None:
    people, wrong = crew(annotator=annotator, recheck=0.25)
    store, state = open_store(people.campaign.root), people.campaign.state
    assert awaited_labels(store, state).votes_by_annotator == {}
    people.fill_in(0, truth, annotator)
    assert awaited_labels(store, state).votes_by_annotator == {}
    people.fill_in(1, truth, annotator)
    assert awaited_labels(store, state).votes_by_annotator == {annotator: 12}


def test_people_see_nothing_of_it(crew: Callable[..., tuple[Crew, list[str]]]) -> None:
    people, wrong = crew(recheck=0.25)
    rows = people.rows(1)
    seen = [{name: cell for name, cell in row.items() if name not in ("sample_id", "rank")} for row in rows]
    assert all(cells == seen[0] for cells in seen) and not any(seen[0].values())
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, 13)]
    assert not all(row["sample_id"] in wrong for row in rows[-WRONG:])
    commit = people.campaign.state.commits[1]
    table = pq.read_table(f"{people.campaign.root}/{commit.objects['query'].key}")
    for row in table.to_pylist():
        if row["recheck"]:
            assert (row["predicted"], row["confidence"], row["score"]) == (None, None, None)
            assert not any(name in row["reason"] for name in CLASSES)


def test_a_label_that_is_confirmed_is_not_asked_for_a_third_time(
    crew: Callable[..., tuple[Crew, list[str]]],
) -> None:
    """Somebody stands by the wrong labels; the model doubts them as before."""
    people, wrong = crew(annotator="ann", recheck=0.25, second_opinions=0.1)
    for cycle in (1, 2):
        people.fill_in(cycle, lambda name: other(name) if name in wrong else truth(name), "ann")
        people.campaign.run_cycle()
    metrics = people.campaign.work.read_json("metrics.json")
    assert metrics["rechecks"]["confirmed"] >= WRONG and metrics["rechecks"]["corrected"] == 0
    assert not suspects(people.campaign) & set(wrong)
    again = [request.sample_id for request in people.requests() if request.opinion > 1]
    assert len(again) == len(set(again)) and set(wrong) <= set(again)
    assert all(people.campaign.work.labelled()[name] == other(name) for name in wrong)
    assert not verify_campaign(open_store(people.campaign.root)).faults


def test_a_recheck_is_awaited_also_of_who_answered_first(crew: Callable[..., tuple[Crew, list[str]]]) -> None:
    people, wrong = crew(recheck=0.25)
    people.fill_in(1, lambda name: "" if name in wrong else truth(name))
    waiting = people.campaign.ingest()
    assert (waiting.decision, waiting.awaited) == ("wait", WRONG)


def test_another_persons_answer_in_a_label_file_counts_too(
    crew: Callable[..., tuple[Crew, list[str]]], tmp_path: Path
) -> None:
    people, wrong = crew(recheck=0.25)
    path = tmp_path / "answers.csv"
    asked = [row["sample_id"] for row in people.rows(1)]
    first = "".join(f"{name},{other(name)},\n" for name in wrong)
    path.write_text("sample_id,label,annotator\n" + first + "".join(f"{name},{truth(name)},bob\n" for name in asked))
    assert people.campaign.ingest(str(path)).decision == "train"
    assert all(people.campaign.work.labelled()[name] == truth(name) for name in wrong)
    assert people.campaign.ingest(str(path)).attempt == people.campaign.ingest(str(path)).attempt


def test_labels_that_the_campaign_began_with_are_checked_too(begin: Callable[..., Any], tmp_path: Path) -> None:
    data = unlabelled(tmp_path)
    names = [f"{name}-{30 * number + row:02d}" for number, name in enumerate(CLASSES) for row in range(1, 9)]
    wrong = names[::8]
    labels = {name: other(name) if name in wrong else truth(name) for name in names}
    path = tmp_path / "known.csv"
    path.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in labels.items()))
    campaign = begin(**data, known_labels=[str(path)], budget=24, batch=12, recheck=0.25)
    campaign.run_cycle()
    people = Crew(campaign)
    assert set(people.rechecks()) == set(wrong) and len(people.rows(0)) == 12
    people.fill_in(0, truth)
    campaign.run_cycle()
    assert all(campaign.work.labelled()[name] == truth(name) for name in wrong)
    assert campaign.work.read_json("metrics.json")["rechecks"]["corrected"] == WRONG
    assert campaign.state.summaries[-1].answers == 12
    assert not verify_campaign(open_store(campaign.root)).faults


def test_without_the_setting_nothing_is_asked_again(crew: Callable[..., tuple[Crew, list[str]]]) -> None:
    people, _ = crew()
    assert all(request.opinion == 1 for request in people.requests())
    table = pq.read_table(f"{people.campaign.root}/{people.campaign.state.commits[1].objects['query'].key}")
    assert "recheck" not in table.column_names


def test_it_can_be_amended(crew: Callable[..., tuple[Crew, list[str]]]) -> None:
    people, wrong = crew()
    amend_campaign(open_store(people.campaign.root), WantedChanges(overrides={"selector.recheck": 0.25}), "")
    people.fill_in(1, truth)
    people.campaign.run_cycle()
    assert set(people.rechecks()) == set(wrong)


def test_labels_from_a_file_cannot_be_checked(begin: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,label\nblue-05,blue\n")
    with pytest.raises(ConfigurationError, match="are the same each time"):
        begin(labels_from=str(path), recheck=0.1)
    with pytest.raises(ConfigurationError, match="came with its samples and are the same"):
        begin(recheck=0.1)  # the labels of the embeddings play the annotator


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_parts_of_a_request_are_carried_on(share: float) -> None:
    counts = [allowance(share, asked, 10) for asked in range(0, 200, 10)]
    assert sum(counts) == round(200 * share) and max(counts) - min(counts) <= 1
