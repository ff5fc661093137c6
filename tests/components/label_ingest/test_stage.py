"""The label_ingest stage: what it decides, what it writes, and that it writes nothing while labels are awaited."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from labelcycle.components.core.campaign.attempt import open_attempt
from labelcycle.components.core.campaign.commits import commit_key, read_commits
from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import table_bytes, table_in
from labelcycle.components.labelling.delivery_record import delivery_key

FIELDS = ["sample_id", "uri", "rank", "predicted", "reason", "label", "status"]


@pytest.fixture
def asked(begin_on_images: Callable[..., Any], pictures: Any) -> Any:
    """A campaign without a label source that has asked its first question."""
    campaign = begin_on_images(labels_from=None, recipe="random", classes=["blue", "green", "red"], batch=8)
    campaign.ingest()
    campaign.run("select")
    campaign.run("publish")
    return campaign


def handout(campaign: Any, cycle: int = 0) -> Path:
    return Path(campaign.root) / delivery_key(cycle)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def fill_in(path: Path, labels: list[str] | None = None, statuses: list[str] | None = None) -> list[dict[str, str]]:
    """Answer the hand-out; by default every row rightly."""
    rows = rows_of(path)
    for number, row in enumerate(rows):
        row["label"] = row["sample_id"].split("/")[0] if labels is None else labels[number]
        row["status"] = statuses[number] if statuses else ""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_the_first_run_begins_cold(begin: Callable[..., Any]) -> None:
    campaign = begin()
    facts = campaign.ingest()
    assert (facts.decision, facts.cycle, facts.awaited) == ("cold_start", 0, 0)
    decision = open_attempt(campaign.root, 0, facts.attempt).decision
    assert (decision.query_size, decision.labelled, decision.labels, decision.queries) == (8, 0, [], [])


def test_the_same_inputs_are_the_same_attempt(begin: Callable[..., Any]) -> None:
    campaign = begin()
    first, before = campaign.ingest(), campaign.files()
    assert campaign.ingest() == first
    assert campaign.files() == before


def test_waiting_writes_nothing(asked: Any) -> None:
    before = asked.files()
    facts = asked.ingest()
    assert (facts.decision, facts.cycle, facts.attempt, facts.awaited) == ("wait", 1, "", 8)
    assert f"8 of 8 samples of cycle 0's query have no label in {handout(asked)}" in facts.reason
    assert asked.files() == before


@pytest.mark.parametrize("gone", ["", "cycle-0000.csv", "cycle-0000.json"])
def test_a_commit_that_was_deleted_is_not_made_anew(asked: Any, gone: str) -> None:
    """Answers to the query that people have would count for nothing."""
    root = Path(asked.root)
    if gone:
        (root / "queries" / gone).unlink()
    (root / commit_key(0)).unlink()
    before = asked.files()
    with pytest.raises(CampaignError, match="commit.json is missing, although people have its query .*Restore it"):
        asked.ingest()
    assert asked.files() == before


def test_a_filled_in_handout_is_trained_on(asked: Any) -> None:
    answers = {row["sample_id"]: row["label"] for row in fill_in(handout(asked))}
    facts = asked.ingest()
    assert (facts.decision, facts.cycle, facts.reason) == ("train", 1, "8 new labels")
    assert open_attempt(asked.root, 1, facts.attempt).labelled() == answers


def test_blank_rows_are_awaited(asked: Any) -> None:
    before = asked.files()
    fill_in(handout(asked), ["blue"] * 5 + [""] * 3)
    facts = asked.ingest()
    assert (facts.decision, facts.awaited) == ("wait", 3)
    assert asked.files().keys() == before.keys()


def test_skipped_and_unsure_samples_are_paid_for_but_not_learnt(asked: Any) -> None:
    fill_in(handout(asked), ["red"] * 6 + ["", "blue"], [""] * 6 + ["skip", "unsure"])
    facts = asked.ingest()
    decision = open_attempt(asked.root, 1, facts.attempt).decision
    assert (facts.decision, decision.labelled, decision.answered, decision.query_size) == ("train", 6, 8, 8)
    assert set(open_attempt(asked.root, 1, facts.attempt).labelled().values()) == {"red"}
    statuses = open_attempt(asked.root, 1, facts.attempt).votes()["status"].to_pylist()
    assert sorted(statuses) == ["ok"] * 6 + ["skip", "unsure"]


def test_other_answers_are_another_attempt(asked: Any) -> None:
    fill_in(handout(asked))
    first = asked.ingest()
    fill_in(handout(asked), ["red"] * 8)
    second = asked.ingest()
    assert second.attempt != first.attempt
    assert set(open_attempt(asked.root, 1, first.attempt).labelled().values()) != {"red"}


def test_a_growing_label_file(asked: Any, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    ids = [row["sample_id"] for row in rows_of(handout(asked))]
    lines = [json.dumps({"sample_id": name, "label": "red"}) + "\n" for name in ids]
    path.write_text("".join(lines[:3]))
    assert asked.ingest(str(path)).awaited == 5
    path.write_text("".join(lines))
    facts = asked.ingest(str(path))
    assert facts.decision == "train"
    assert set(open_attempt(asked.root, 1, facts.attempt).votes()["source"].to_pylist()) == {str(path)}


def test_annotator_and_time_are_kept(asked: Any, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    ids = [row["sample_id"] for row in rows_of(handout(asked))]
    path.write_text("sample_id,label,annotator,time\n" + "".join(f"{name},red,ann,2026-01-05\n" for name in ids))
    labels = open_attempt(asked.root, 1, asked.ingest(str(path)).attempt).votes()
    assert set(labels["annotator"].to_pylist()) == {"ann"} and set(labels["time"].to_pylist()) == {"2026-01-05"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("blue/99.png,blue", "row 10: no sample, or more than one, is called 'blue/99.png'"),
        ("blue/00.png,purple", "row 10: 'purple' is not one of the campaign's classes: blue, green, red"),
        ("{first},other", "row 10: 'other' is not one"),
        ("{first},green", "is 'green' here but 'red' in row 2. Keep the one that is right"),
    ],
    ids=["unknown id", "unknown class", "unknown class of an asked sample", "disagreement"],
)
def test_wrong_rows_are_named_and_nothing_is_written(asked: Any, tmp_path: Path, line: str, message: str) -> None:
    ids = [row["sample_id"] for row in rows_of(handout(asked))]
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,label\n" + "".join(f"{name},red\n" for name in ids) + line.format(first=ids[0]))
    before = asked.files()
    with pytest.raises(InputError) as refusal:
        asked.ingest(str(path))
    assert message in str(refusal.value) and str(path) in str(refusal.value)
    assert asked.files() == before


def test_a_label_for_an_image_that_was_set_aside_is_accepted(
    begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    for source in pictures.images.rglob("*.png"):
        target = images / source.relative_to(pictures.images)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
    (images / "broken.png").write_bytes(b"no image")
    labels = tmp_path / "labels.csv"
    labels.write_text(pictures.labels.read_text() + "broken.png,red\n")
    campaign = begin_on_images(images=str(images), labels_from=str(labels))
    campaign.run_cycle()
    assert campaign.ingest().decision == "train"


def test_the_end_of_the_budget_writes_nothing(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=12, batch=8)
    publications = [campaign.run_cycle() for _ in range(3)]
    assert [facts.query_size for facts in publications] == [8, 4, 0]
    before = campaign.files()
    facts = campaign.ingest()
    assert (facts.decision, facts.cycle, facts.attempt) == ("done", 2, "")
    assert facts.reason == "the budget of 12 labels is spent"
    assert campaign.files() == before


def test_the_end_of_the_pool(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=100, batch=40)
    publications = [campaign.run_cycle() for _ in range(3)]
    assert [facts.query_size for facts in publications] == [40, 8, 0]
    assert campaign.ingest().reason == "the pool is exhausted after 48 of 100 labels"


def test_a_lost_handout_is_written_again_and_a_filled_in_one_is_kept(asked: Any) -> None:
    path = handout(asked)
    original = path.read_bytes()
    path.unlink()
    asked.ingest()
    assert path.read_bytes() == original
    fill_in(path, ["red"] * 3 + [""] * 5)
    changed = path.read_bytes()
    asked.ingest()
    assert path.read_bytes() == changed


def test_a_missing_label_file(asked: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no label file"):
        asked.ingest(str(tmp_path / "missing.csv"))


def test_no_campaign(tmp_path: Path) -> None:
    from labelcycle.components.label_ingest.stage import run

    with pytest.raises(CampaignError, match="Create one with: labelcycle init"):
        run(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_handout_on_s3_is_read_back(begin: Callable[..., Any], s3_root: str, pictures: Any) -> None:
    campaign = begin(
        s3_root,
        embeddings=None,
        images=str(pictures.images),
        test=str(pictures.test),
        recipe="random",
    )
    campaign.ingest()
    campaign.run("select")
    campaign.run("publish")
    store = open_store(s3_root)
    assert campaign.ingest().decision == "wait"
    text = store.read(delivery_key(0)).decode()
    header, *lines = text.splitlines()
    filled = [f"{line[:-2]},{line.split('/')[0]}," for line in lines]
    store.write(delivery_key(0), "\n".join([header, *filled]).encode())
    facts = campaign.ingest()
    assert facts.decision == "train"
    assert all(name.startswith(label) for name, label in campaign.work.labelled().items())


def test_a_query_of_nothing_but_skips_is_asked_anew(asked: Any) -> None:
    skipped = {row["sample_id"] for row in fill_in(handout(asked), [""] * 8, ["skip"] * 8)}
    facts = asked.ingest()
    assert (facts.decision, facts.cycle) == ("cold_start", 1)
    asked.run("select")
    asked.run("publish")
    again = {row["sample_id"] for row in rows_of(handout(asked, 1))}
    assert len(again) == 8 and not again & skipped


def test_labels_that_came_with_the_embeddings_and_were_changed_are_refused(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    store = open_store(campaign.root)
    (key,) = (key for key in store.keys("oracle/") if key.endswith(".parquet"))
    table = table_in(store.read(key))
    swapped = pc.if_else(pc.equal(table["label"], "red"), "blue", table["label"])
    store.write(key, table_bytes(table.set_column(1, table.schema.field(1), swapped)))
    with pytest.raises(CampaignError, match=f"{key} was changed after it was written"):
        campaign.ingest()


def test_a_cycle_of_another_campaign_is_refused(begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign, other = begin(), begin(str(tmp_path / "other"), seed=1)
    for each in (campaign, other):
        each.run_cycle()
        each.run_cycle()
    shutil.rmtree(Path(campaign.root) / "cycles/1")
    for folder in ("cycles/1", "history"):
        shutil.copytree(Path(other.root) / folder, Path(campaign.root) / folder, dirs_exist_ok=True)
    before = campaign.files()
    with pytest.raises(CampaignError, match="cycles/1/commit.json belongs to another campaign or another cycle"):
        campaign.ingest()
    assert campaign.files() == before


def test_a_cycle_in_another_place_is_refused(begin: Callable[..., Any]) -> None:
    campaign = begin()
    for _ in range(3):
        campaign.run_cycle()
    store = open_store(campaign.root)
    store.write(commit_key(1), read_commits(store)[0].model_copy(update={"cycle": 1}).as_bytes())
    with pytest.raises(CampaignError, match="cycles/2/commit.json belongs to another campaign or another cycle"):
        campaign.ingest()
