"""Samples that were withdrawn: never asked for, learnt from, tested with or handed out again; cycles before stay."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.attempt import open_attempt
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.pool import load_truth
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.vote_tables import labels_of
from labelcycle.components.core.campaign.withdrawn import REASON
from labelcycle.components.core.errors import ConfigurationError, InputError, LabelcycleError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import QUARANTINE, read_table
from labelcycle.components.label_ingest.awaited_labels import awaited_labels
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.pipelines.amending.amend import Amended, WantedChanges, amend_campaign
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.amending.withdraw import all_withdrawn
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import Bench, Pictures
from tests.pipelines.amending.test_more_samples import set_aside, splits, write_rows


@pytest.fixture
def campaign(begin: Callable[..., Bench]) -> Bench:
    return begin(recipe="logistic", budget=24, batch=8)


@pytest.fixture
def by_people(begin: Callable[..., Bench], tmp_path: Path) -> Bench:
    """Embeddings without labels in the pool, so that people fill in the CSV."""
    generator = np.random.default_rng(1)
    names = np.repeat(["blue", "red"], 10)
    rows = np.repeat(np.eye(2, 8), 10, axis=0) * 4 + generator.normal(size=(20, 8))
    ids = [f"{name}-{row:02d}" for row, name in enumerate(names)]
    tested = np.arange(20) % 10 < 3
    file = write_rows(tmp_path / "rows.npz", ids, rows, splits=np.where(tested, "pool", "pool"))
    test = tmp_path / "test.csv"
    test.write_text("sample_id,label\n" + "".join(f"{ids[row]},{names[row]}\n" for row in np.flatnonzero(tested)))
    return begin(recipe="logistic", budget=8, batch=4, embeddings=file, test=str(test), classes=["blue", "red"])


def withdraw(campaign: Bench, folder: Path, *ids: str, text: str = "") -> Amended:
    file = folder / "withdrawn.txt"
    file.write_text(text or "".join(f"{name}\n" for name in ids))
    wanted = WantedChanges(samples=WantedSamples(withdraw=str(file)))
    return amend_campaign(open_store(campaign.root), wanted, "wrong upload")


def asked_in(campaign: Bench, commit: Commit) -> list[str]:
    ids: list[str] = read_query(open_store(campaign.root), commit.objects["query"])["sample_id"].to_pylist()
    return ids


def fill_in(campaign: Bench, cycle: int, most: int | None = None) -> list[str]:
    """Answer the first rows of a query's CSV by what ids begin with. Returns all its ids."""
    path = Path(campaign.root) / delivery_key(cycle)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    for row in rows[:most]:
        row["label"] = row["sample_id"].partition("-")[0]
    with path.open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return [row["sample_id"] for row in rows]


def test_withdrawn_samples_are_out_of_everything_from_the_next_cycle_on(campaign: Bench, tmp_path: Path) -> None:
    store = open_store(campaign.root)
    campaign.run_cycle()
    campaign.run_cycle()
    before = campaign.state
    answered = asked_in(campaign, before.commits[0])[0]
    asked = {name for commit in before.commits for name in asked_in(campaign, commit)}
    never = next(name for name, split in splits(campaign).items() if split == "pool" and name not in asked)
    tested = next(name for name, split in splits(campaign).items() if split == "test")
    done = withdraw(campaign, tmp_path, text=f"why,sample_id\nx,{answered}\ny,{never}\nz,{tested}\n")
    assert done.amendment.counts == {"withdrawn": 3} and done.amendment.reason == "wrong upload"
    assert tested not in load_truth(store, campaign.state.campaign)
    while campaign.state.phase != "done":
        campaign.run_cycle()
    state = campaign.state
    assert state.commits[:2] == before.commits
    for commit in state.commits[2:]:
        work = open_attempt(campaign.root, commit.cycle, commit.attempt)
        assert {answered, never, tested}.isdisjoint(asked_in(campaign, commit))
        assert {answered, never, tested}.isdisjoint(labels_of(work.consensus()))
        assert {answered, never, tested}.isdisjoint(work.votes()["sample_id"].to_pylist())
        assert len(work.tested()) == 11
    assert open_attempt(campaign.root, 1, state.commits[1].attempt).labelled()[answered]
    assert [(each.labels, each.answers) for each in state.summaries[2:]] == [(15, 16), (23, 24)]
    assert verify_campaign(store).faults == []
    assert all(replay_selection(store, cycle).agreement == "identical" for cycle in (1, 2))


def test_what_was_asked_for_and_withdrawn_is_not_awaited(by_people: Bench, tmp_path: Path) -> None:
    store = open_store(by_people.root)
    by_people.run_cycle()
    asked = fill_in(by_people, 0, most=3)
    assert by_people.ingest().awaited == 1
    assert withdraw(by_people, tmp_path, asked[3]).cycle == 1
    waiting = awaited_labels(store, by_people.state)
    assert (waiting.asked, waiting.answered) == (3, 3)
    assert by_people.run_cycle().query_size == 4
    fill_in(by_people, 1)
    summary = by_people.state.summaries[1]
    assert (summary.labels, summary.answers, summary.outstanding) == (3, 3, 0)
    assert by_people.run_cycle().query_size == 1, "the budget has what was not answered"
    assert verify_campaign(store).faults == []


def test_a_query_that_was_not_delivered_yet_is_delivered_without_them(by_people: Bench, tmp_path: Path) -> None:
    by_people.run_cycle()
    path = Path(by_people.root) / delivery_key(0)
    asked = [row["sample_id"] for row in csv.DictReader(path.read_text().splitlines())]
    path.unlink()
    withdraw(by_people, tmp_path, *asked[:2])
    by_people.ingest()
    assert fill_in(by_people, 0) == asked[2:]
    path.write_text(path.read_text() + f"{asked[0]},,1,,,red,\n")
    by_people.run_cycle()
    assert by_people.work.labelled().keys() == set(asked[2:])
    assert verify_campaign(open_store(by_people.root)).findings == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no-such-sample\n", "no sample, or more than one, is called 'no-such-sample'"),
        ("TEST", "would withdraw the whole test set, 12 samples.*--test"),
        ("POOL", "would withdraw every sample of the pool, 48 samples"),
        ("\n", "names no sample that could be withdrawn"),
        (
            "name,why\nred-00,wrong\n",
            "'name,why'. If it is CSV, call the column of ids sample_id; else correct the id or",
        ),
    ],
)
def test_what_cannot_be_withdrawn(campaign: Bench, tmp_path: Path, text: str, message: str) -> None:
    campaign.run_cycle()
    of_split = [name for name, split in splits(campaign).items() if split == text.lower()]
    with pytest.raises(LabelcycleError, match=message):
        withdraw(campaign, tmp_path, text="\n".join(of_split) or text)
    assert read_amended_campaign(open_store(campaign.root)).amendments == []


def test_a_file_that_names_no_sample_names_none_that_was_withdrawn(campaign: Bench, tmp_path: Path) -> None:
    """Else an erasure of nothing would pass for one that was done."""
    file = tmp_path / "none.txt"
    file.write_text("\n")
    assert not all_withdrawn(open_store(campaign.root), str(file))


def test_a_sample_that_was_set_aside_is_withdrawn_from_there(
    begin_on_small_network: Callable[..., Bench], pictures: Pictures, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    (folder / "red" / "bad.png").write_bytes(b"no image")
    campaign = begin_on_small_network(recipe="logistic", images=str(folder))
    assert set_aside(campaign)["red/bad.png"] != REASON
    withdraw(campaign, tmp_path, "red/bad.png")
    table = read_table(open_store(campaign.root), campaign.state.campaign.quarantine, QUARANTINE)
    assert [row["reason"] for row in table.to_pylist() if row["sample_id"] == "red/bad.png"] == [REASON]


def test_the_validation_split_is_not_the_test_set(
    begin: Callable[..., Bench], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = np.repeat(["blue", "red"], 10)
    rows = np.repeat(np.eye(2, 8), 10, axis=0) * 4 + np.random.default_rng(1).normal(size=(20, 8))
    ids = [f"{name}-{row:02d}" for row, name in enumerate(names)]
    marked = np.array((["test"] * 2 + ["val"] * 2 + ["pool"] * 6) * 2)
    file = write_rows(tmp_path / "rows.npz", ids, rows, splits=marked, labels=names)
    campaign = begin(recipe="logistic", budget=4, batch=4, embeddings=file)
    of_val = [name for name, split in zip(ids, marked, strict=True) if split == "val"]
    with pytest.raises(ConfigurationError, match="would withdraw the whole validation split, 4 samples. Leave one"):
        withdraw(campaign, tmp_path, *of_val)
    withdraw(campaign, tmp_path, "red-10", "red-11")
    assert "No test sample is left of these classes" in (told := capsys.readouterr().err) and "measured: red." in told
    assert withdraw(campaign, tmp_path, *of_val[1:]).amendment.counts == {"withdrawn": 3}


def test_a_folder_is_no_file_of_samples(campaign: Bench, tmp_path: Path) -> None:
    wanted = WantedChanges(samples=WantedSamples(withdraw=str(tmp_path)))
    with pytest.raises(LabelcycleError, match="is a folder. Name a file in it."):
        amend_campaign(open_store(campaign.root), wanted, "")


def test_a_class_whose_only_labels_are_withdrawn(
    campaign: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign.run_cycle()
    campaign.run_cycle()
    blue = [name for name in campaign.work.labelled() if name.startswith("blue-")]
    withdraw(campaign, tmp_path, *blue)
    told = " ".join(capsys.readouterr().err.split())
    assert (
        "No labelled sample is left of these classes, so that no model knows them until one is labelled: blue." in told
    )
    campaign.run_cycle()
    assert not campaign.work.labelled().keys() & set(blue)
    assert verify_campaign(open_store(campaign.root)).faults == []


def test_withdrawn_for_good(campaign: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither withdrawn again nor joined again; classes that lose their only sample are told."""
    tested = [name for name in splits(campaign) if name.startswith("red-") and splits(campaign)[name] == "test"]
    withdraw(campaign, tmp_path, *tested)
    assert "not measured: red" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(ConfigurationError, match=r"nothing would change\. To erase what was withdrawn: --erase"):
        withdraw(campaign, tmp_path, *tested)
    again: dict[str, Any] = {"labels": np.array(["red"])}
    file = write_rows(tmp_path / "again.npz", [tested[0]], np.ones((1, 8)), **again)
    with pytest.raises((ConfigurationError, InputError)):
        amend_campaign(open_store(campaign.root), WantedChanges(samples=WantedSamples(embeddings=file)), "")
    campaign.run_cycle()
    campaign.run_cycle()
    assert campaign.state.summaries[-1].accuracy is not None
