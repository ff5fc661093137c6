"""Campaigns that begin with known labels: trained from the first cycle on, with the budget for new labels alone."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.campaign.queries import queried_ids, read_query
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import Bench

Write = Callable[..., str]


def class_of(sample_id: str) -> str:
    return sample_id.partition("-")[0]


@pytest.fixture
def pool(begin: Callable[..., Bench], tmp_path: Path) -> list[str]:
    """The ids of the pool of the tests' embeddings."""
    campaign = begin(str(tmp_path / "for the pool"))
    table = load_pool(open_store(campaign.root), campaign.state.campaign)
    rows = zip(table["sample_id"].to_pylist(), table["split"].to_pylist(), strict=True)
    return [name for name, split in rows if split == "pool"]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function: ids, and labels where they are other than right → a label file."""

    def written(ids: Iterable[str], name: str = "known.csv", **labels: str) -> str:
        rows = [f"{one},{labels.get(one.replace('-', '_'), class_of(one))}" for one in ids]
        (tmp_path / name).write_text("\n".join(["sample_id,label", *rows, ""]))
        return str(tmp_path / name)

    return written


def test_the_first_cycle_trains_and_the_budget_is_for_new_labels(
    begin: Callable[..., Bench], pool: list[str], write: Write
) -> None:
    known = pool[::5][:10]
    campaign = begin(known_labels=[write(known)], batch=8, budget=16)
    ingested = campaign.ingest()
    assert (ingested.decision, ingested.cycle) == ("train", 0)
    assert ingested.reason == "10 labels were known when the campaign began"
    assert campaign.work.labelled() == {name: class_of(name) for name in sorted(known)}
    first = campaign.run_cycle()
    assert first.labels == 10 and first.accuracy > 0.5 and first.query_size == 8
    campaign.run_cycle()
    assert queried_ids(campaign.work) >= set(known)
    last = campaign.run_cycle()
    assert last.labels == 26 and last.query_size == 0
    assert [summary.answers for summary in campaign.state.summaries] == [0, 8, 16]
    assert all(summary.accuracy is not None for summary in campaign.state.summaries)
    assert verify_campaign(open_store(campaign.root)).faults == []


def test_classes_without_a_known_label_are_named(
    begin: Callable[..., Bench], pool: list[str], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    known = [name for name in pool if class_of(name) == "blue"][:4]
    campaign = begin(known_labels=[write(known)])
    told = capsys.readouterr().err
    assert "No label of these classes is known: green, red." in told and "known.csv: read 4 labels." in told
    assert "embeddings.npz: read 60 samples; 60 with a label." in told
    assert campaign.run_cycle().labels == 4


def test_no_known_sample_is_asked_for(begin: Callable[..., Bench], pool: list[str], write: Write) -> None:
    """Even where little else is left."""
    known = pool[:-8]
    campaign = begin(known_labels=[write(known)], batch=8, budget=8)
    assert campaign.run_cycle().query_size == 8
    campaign.ingest()
    asked = campaign.work.requests()["sample_id"].to_pylist()
    assert sorted(asked) == sorted(pool[-8:])


def test_a_batch_larger_than_what_is_not_known(begin: Callable[..., Bench], pool: list[str], write: Write) -> None:
    for left, message in (
        (1, f"--batch 8 is too large: 1 sample is left to ask for; {len(pool) - 1} labels are known. Ask for 1"),
        (0, f"Nothing is left to ask for: {len(pool)} labels are known."),
    ):
        with pytest.raises(ConfigurationError, match=message):
            begin(known_labels=[write(pool[left:])], batch=8, budget=8)


def test_known_labels_count_where_that_is_said(begin: Callable[..., Bench], pool: list[str], write: Write) -> None:
    campaign = begin(known_labels=[write(pool[:10])], count_known=True, batch=8, budget=16, label_price=2.0)
    assert campaign.run_cycle().query_size == 6
    assert campaign.run_cycle().query_size == 0
    assert [summary.answers for summary in campaign.state.summaries] == [10, 16]


def test_known_labels_are_corrected_where_answers_are_read(
    begin: Callable[..., Bench], pool: list[str], write: Write
) -> None:
    known = sorted(pool[::5][:10])
    wrong = {known[0].replace("-", "_"): "red" if class_of(known[0]) != "red" else "blue"}
    campaign = begin(known_labels=[write(known, **wrong)], batch=8, budget=24)
    first = campaign.run_cycle()
    [commit] = campaign.state.commits
    asked = read_query(open_store(campaign.root), commit.objects["query"])["sample_id"].to_pylist()
    answers = write([*asked, *known[:3]], "answers.csv")
    assert campaign.ingest(answers).reason == "8 new labels; answers corrected: 1"
    assert campaign.work.labelled() == {name: class_of(name) for name in sorted([*known, *asked])}
    assert campaign.run_cycle(answers).labels == first.labels + 8
    assert campaign.state.summaries[-1].answers == 8
    report = open_store(campaign.root).read(campaign.state.commits[-1].objects["report"].key).decode()
    assert "1 earlier label was corrected, of those to learn from" in report
    assert verify_campaign(open_store(campaign.root)).faults == []


def test_known_labels_that_the_annotators_file_contradicts_are_told(
    begin: Callable[..., Bench], pool: list[str], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    known = sorted(pool[::5][:10])
    wrong = {known[0].replace("-", "_"): "red" if class_of(known[0]) != "red" else "blue"}
    oracle = write(pool, "oracle.csv")
    begin(known_labels=[write(known, **wrong)], labels_from=oracle, batch=8)
    told = capsys.readouterr().err
    assert f"{oracle} says another class of 1 known label. Cycle 0 trains on the known ones" in told


def test_people_who_disagree_correct_nothing(begin: Callable[..., Bench], pool: list[str], write: Write) -> None:
    [known, *_] = sorted(pool)
    others = [name for name in ("blue", "green", "red") if name != class_of(known)]
    campaign = begin(known_labels=[write([known])], batch=8)
    campaign.run_cycle()
    answers = Path(write([], "answers.csv"))
    answers.write_text(f"sample_id,annotator,label\n{known},ann,{others[0]}\n{known},bob,{others[1]}\n")
    assert campaign.ingest(str(answers)).decision == "wait"
    assert campaign.state.phase == "labelling"


def test_several_files_and_labels_of_the_test_set(
    begin: Callable[..., Bench], pool: list[str], write: Write, embeddings: Path
) -> None:
    files = [write(pool[:6], "a.csv"), write(pool[4:9], "b.csv")]
    campaign = begin(known_labels=files, batch=8)
    assert campaign.ingest().reason.startswith("9 labels")
    named = campaign.state.campaign.known_labels
    assert named is not None and named.table.key.startswith("pool/known/") and not named.in_budget


def test_what_the_annotators_file_holds_already_is_told(
    begin_on_images: Callable[..., Bench], pictures: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    labels = str(pictures.labels)
    begin_on_images()
    told = capsys.readouterr().err
    assert f"{labels} has labels of " in told and f"--known-labels {labels}" in told
    rows = Path(labels).read_text().splitlines(keepends=True)
    (tmp_path / "some.csv").write_text("".join(rows[:30]))
    some = {"labels_from": str(tmp_path / "some.csv"), "known_labels": [str(tmp_path / "some.csv")]}
    begin_on_images(str(tmp_path / "known"), **some)
    assert "has labels of" not in capsys.readouterr().err


def test_what_cannot_be(begin: Callable[..., Bench], pool: list[str], write: Write) -> None:
    good = write(pool[:10], "good.csv")
    other = {pool[0].replace("-", "_"): next(c for c in ("blue", "green", "red") if c != class_of(pool[0]))}
    for settings, error, message in (
        ({"known_labels": [good, write(pool[:1], "other.csv", **other)]}, InputError, "in another file of --known-l"),
        ({"known_labels": [write(["nobody-1"], "nobody.csv")]}, InputError, "is called 'nobody-1'"),
        ({"known_labels": [write([], "empty.csv")]}, ConfigurationError, "no sample of the pool has a label there"),
        ({"known_labels": [good], "count_known": True, "budget": 8}, ConfigurationError, "leave nothing of --budget 8"),
        ({"count_known": True}, ConfigurationError, "--count-known counts the labels of --known-labels"),
        (
            {"known_labels": [good], "overrides": {"cold_start.single_shot": True}},
            ConfigurationError,
            "cannot begin with known labels",
        ),
        ({"known_labels": [write(pool, "all.csv")]}, ConfigurationError, "Nothing is left to ask for: 48 labels"),
    ):
        with pytest.raises(error, match=message):
            begin(**settings)


def test_the_flag_is_given_once_for_each_file(
    labelcycle: Callable[..., Any], embeddings: Path, pool: list[str], write: Write, tmp_path: Path
) -> None:
    files = [write(pool[:6], "a,1.csv"), write(pool[6:9], "b.csv")]
    sizes = ["--embeddings", embeddings, "--budget", 8, "--batch", 8]
    flags = [text for file in files for text in ("--known-labels", file)]
    answer = labelcycle("init", tmp_path / "campaign", *sizes, *flags)
    assert answer.returncode == 0 and "9 with known labels" in answer.stdout
    printed = labelcycle("init", tmp_path / "campaign", *sizes, *flags, "--print-config").stdout
    (tmp_path / "campaign.yaml").write_text(printed)
    again = labelcycle("init", tmp_path / "campaign", "--config", tmp_path / "campaign.yaml")
    assert again.returncode == 0 and "already there, unchanged" in again.stdout


@pytest.fixture
def nearly_all_labelled(pictures: Any, tmp_path: Path) -> str:
    """A manifest of 60 images, of which one has no label."""
    names = [path.relative_to(pictures.images).as_posix() for path in sorted(pictures.images.rglob("*.png"))]
    rows = [f"{pictures.images / name},{name.partition('/')[0] if name != names[7] else ''}" for name in names]
    (tmp_path / "manifest.csv").write_text("\n".join(["uri,label", *rows, ""]))
    return str(tmp_path / "manifest.csv")


def test_labels_that_came_along_leave_too_little_to_ask_for(
    begin: Callable[..., Bench], nearly_all_labelled: str
) -> None:
    with pytest.raises(ConfigurationError, match="--batch 8 is larger than what is left .*: 1 of .* --play-annotator"):
        begin(images=nearly_all_labelled, batch=8, budget=8)
    with pytest.raises(ConfigurationError, match="play the annotator anyway. Leave --play-annotator out"):
        begin(play_annotator=True)


def test_labels_that_came_along_play_the_annotator(
    begin: Callable[..., Bench], nearly_all_labelled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = begin(images=nearly_all_labelled, play_annotator=True, batch=8, budget=8)
    assert campaign.state.campaign.known_labels is None and campaign.state.campaign.labels_from.startswith("oracle/")
    assert "the labels of 59 play the annotator, and 1 more without one is never asked for" in capsys.readouterr().err
    assert [name.rpartition("/")[2] for name in campaign.state.campaign.recipe.selector.exclude] == ["07.png"]
    assert campaign.ingest().decision == "cold_start"
