"""Several people, late answers, deadlines and second opinions, through whole cycles of a campaign."""

import csv
import io
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.history import History
from labelcycle.components.core.campaign.history_tables import read_requests
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.queries import read_query, requests_in
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import sealed
from labelcycle.components.label_ingest import arrivals
from labelcycle.components.label_ingest.awaited_labels import awaited_labels
from labelcycle.components.labelling.delivery_record import delivery_key, delivery_record_key

CLASSES = ["blue", "green", "red"]


@pytest.fixture
def people(begin: Callable[..., Any], tmp_path: Path) -> Callable[..., "People"]:
    """A function: settings of labelling → a campaign that has asked its first question, and its people."""

    def begun(budget: int = 24, **settings: Any) -> People:
        campaign = begin(budget=budget, **settings)
        campaign.run_until("publish")
        return People(campaign, tmp_path / "answers.csv")

    return begun


@pytest.fixture
def with_csv(begin_on_images: Callable[..., Any], tmp_path: Path) -> Callable[..., "People"]:
    """The same for a campaign that delivers CSVs."""

    def begun(**settings: Any) -> People:
        campaign = begin_on_images(labels_from=None, recipe="random", classes=CLASSES, batch=8, **settings)
        campaign.run_until("publish")
        return People(campaign, tmp_path / "answers.csv")

    return begun


class People:
    """Annotators who write into one label file."""

    def __init__(self, campaign: Any, path: Path) -> None:
        self.campaign, self.path = campaign, path
        self.rows: dict[tuple[str, str], str] = {}

    def requests(self) -> list[LabelRequest]:
        """Everything that was asked so far."""
        return requests_in(read_requests(open_store(self.campaign.root), History(), self.campaign.state.commits))

    def asked(self, cycle: int = -1) -> list[str]:
        """The samples of a committed query; by default the last."""
        commit = self.campaign.state.commits[cycle]
        store = open_store(self.campaign.root)
        return read_query(store, commit.objects["query"])["sample_id"].to_pylist()

    def answer(self, samples: Iterable[str], annotator: str = "ann", label: str | None = None) -> None:
        """Answer rightly, or with `label`."""
        for name in samples:
            self.rows[name, annotator] = name.split("-")[0] if label is None else label
        with self.path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sample_id", "annotator", "label"])
            writer.writerows([sample, person, given] for (sample, person), given in self.rows.items())

    def ingest(self) -> Any:
        return self.campaign.ingest(str(self.path))

    def cycle(self) -> Any:
        return self.campaign.run_cycle(str(self.path))

    @property
    def decision(self) -> Any:
        return self.campaign.work.decision


def test_a_quorum_of_people_is_awaited(people: Callable[..., People]) -> None:
    crew = people(quorum=2)
    crew.answer(crew.asked(), "ann")
    waiting = crew.ingest()
    assert (waiting.decision, waiting.awaited) == ("wait", 8)
    assert "0 of 8 answers are there, 8 are wanted" in waiting.reason
    crew.answer(crew.asked(), "bob")
    assert crew.ingest().decision == "train"
    assert crew.campaign.work.consensus()["votes"].to_pylist() == [2] * 8


def test_one_person_in_two_spellings_is_no_quorum(people: Callable[..., People]) -> None:
    crew = people(quorum=2)
    crew.answer(crew.asked(), "ann")
    crew.answer(crew.asked(), "Ann ")
    assert crew.ingest().decision == "wait"


def test_another_spelling_in_a_later_cycle_is_no_other_vote(people: Callable[..., People]) -> None:
    crew = people()
    first = crew.asked()
    crew.answer(first, "Ann")
    crew.cycle()
    crew.rows.clear()
    crew.answer(first, "ANN")
    crew.answer(crew.asked(), "ann")
    crew.ingest()
    votes = crew.campaign.work.votes()
    assert votes.num_rows == 16 and set(votes["annotator"].to_pylist()) == {"Ann"}


def test_a_share_is_enough_and_late_answers_join_the_next_cycle(people: Callable[..., People]) -> None:
    crew = people(answered_share=0.75)
    first = crew.asked()
    crew.answer(first[:5])
    assert crew.ingest().decision == "wait"
    crew.answer(first[:6])
    ingested = crew.ingest()
    assert (ingested.decision, ingested.reason) == ("train", "6 new labels; 6 of 8 answers are there")
    assert (crew.decision.labelled, crew.decision.answered, crew.decision.outstanding) == (6, 6, 2)
    crew.cycle()
    assert crew.campaign.state.summaries[-1].outstanding == 2
    crew.answer([*first, *crew.asked()])
    ingested = crew.ingest()
    assert ingested.reason == "10 new labels, 2 of them for earlier queries"
    assert (crew.decision.labelled, crew.decision.answered, crew.decision.outstanding) == (16, 16, 0)
    assert set(crew.campaign.work.labelled()) == {*first, *crew.asked()}


def test_no_more_is_asked_for_than_the_budget_pays(people: Callable[..., People]) -> None:
    crew = people(budget=20, answered_share=0.5)
    while True:
        crew.answer(crew.asked()[:4])
        if crew.cycle().query_size == 0:
            break
    requests = crew.requests()
    assert len(requests) == 20
    done = crew.ingest()
    assert done.decision == "done"
    assert done.reason == "the budget of 20 labels is spent; 8 more were asked for and never answered"


def hand_out_earlier(crew: People, hours: float) -> None:
    """Make the last query delivered that long ago."""
    time = datetime.now(UTC) - timedelta(hours=hours)
    key = delivery_record_key(crew.campaign.state.commits[-1].cycle)
    content = {"handed_out": time.isoformat(), "place": "there"}
    open_store(crew.campaign.root).write(key, sealed(content))


def test_after_the_deadline_any_answer_will_do(people: Callable[..., People]) -> None:
    crew = people(deadline_hours=24)
    crew.answer(crew.asked()[:2])
    hand_out_earlier(crew, 23)
    assert crew.ingest().decision == "wait"
    hand_out_earlier(crew, 25)
    ingested = crew.ingest()
    assert ingested.decision == "train" and "2 new labels; 2 of 8 answers are there; the deadline" in ingested.reason
    assert (crew.decision.labelled, crew.decision.outstanding) == (2, 6)


def test_with_no_answer_at_all_the_deadline_changes_nothing(people: Callable[..., People]) -> None:
    crew = people(deadline_hours=24)
    crew.answer([])
    hand_out_earlier(crew, 25)
    waiting = crew.ingest()
    assert waiting.decision == "wait" and "nobody answered by the deadline" in waiting.reason


def test_a_changed_answer_counts_from_the_next_cycle_on(people: Callable[..., People]) -> None:
    crew = people()
    first = crew.asked()
    crew.answer(first)
    crew.cycle()
    wrong = "red" if not first[0].startswith("red") else "blue"
    crew.answer(first[:1], label=wrong)
    crew.answer(crew.asked())
    crew.ingest()
    assert crew.campaign.work.labelled()[first[0]] == wrong
    assert crew.campaign.work.votes().num_rows == 16
    assert crew.decision.answered == 16


def test_disputed_samples_are_not_learnt_from(people: Callable[..., People]) -> None:
    crew = people(quorum=2)
    asked = crew.asked()
    crew.answer(asked, "ann")
    crew.answer(asked[1:], "bob")
    crew.answer(asked[:1], "bob", label="red" if not asked[0].startswith("red") else "blue")
    assert crew.ingest().decision == "train"
    assert (crew.decision.labelled, crew.decision.answered) == (7, 8)
    assert set(crew.campaign.work.labelled()) == set(asked[1:])


def test_disputed_samples_get_a_second_opinion_within_the_share(people: Callable[..., People]) -> None:
    crew = people(quorum=2, second_opinions=0.25)
    asked = crew.asked()
    other = {name: "red" if not name.startswith("red") else "blue" for name in asked}
    crew.answer(asked, "ann")
    crew.answer(asked[4:], "bob")
    for name in asked[:4]:
        crew.answer([name], "bob", label=other[name])
    crew.cycle()
    store = open_store(crew.campaign.root)
    query = read_query(store, crew.campaign.state.commits[-1].objects["query"]).to_pylist()
    again = [row for row in query if row["opinion"] > 1]
    assert len(query) == 8 and len(again) == 2 and {row["sample_id"] for row in again} < set(asked[:4])
    assert [row["rank"] for row in query] == list(range(1, 9))
    assert again[0]["reason"] == "second opinion: 2 people disagree, and no class has most votes"
    assert awaited_labels(store, crew.campaign.state, str(crew.path)).votes_by_annotator == {}
    crew.answer(crew.asked(), "ann")
    crew.answer(crew.asked(), "bob")
    waiting = crew.ingest()
    assert (waiting.decision, waiting.awaited) == ("wait", 2)
    crew.answer([row["sample_id"] for row in again], "cy")
    crew.answer([row["sample_id"] for row in again], "dee")
    assert crew.ingest().decision == "train"
    assert set(crew.campaign.work.labelled()) >= {row["sample_id"] for row in again}
    assert crew.decision.answered == 16


def test_the_last_opinion_is_not_asked_for_a_fourth_time(people: Callable[..., People]) -> None:
    crew = people(budget=60, second_opinions=0.5, quorum=2)
    stubborn = crew.asked()[0]
    for number in range(5):
        crew.answer(crew.asked(), f"ann {number}", label="red")
        crew.answer(crew.asked(), f"bob {number}", label="red")
        crew.answer([stubborn], f"bob {number}", label="blue")
        crew.cycle()
    requests = crew.requests()
    assert [request.opinion for request in requests if request.sample_id == stubborn] == [1, 2, 3]


def test_crowdlab_weighs_what_the_model_thought_when_it_asked(people: Callable[..., People]) -> None:
    crew = people(consensus="crowdlab", quorum=2)
    crew.answer(crew.asked(), "ann")
    crew.answer(crew.asked(), "bob")
    crew.cycle()
    store = open_store(crew.campaign.root)
    query = read_query(store, crew.campaign.state.commits[-1].objects["query"])
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in query["probabilities"].to_pylist())
    crew.answer(crew.asked(), "ann")
    crew.answer(crew.asked(), "bob", label="green")
    assert crew.ingest().decision == "train"
    rows = {row["sample_id"]: row for row in crew.campaign.work.consensus().to_pylist()}
    assert all(rows[name]["status"] == "ok" and rows[name]["quality"] < 1 for name in crew.asked())


def test_probabilities_are_kept_for_crowdlab_alone(people: Callable[..., People]) -> None:
    crew = people()
    crew.answer(crew.asked())
    crew.cycle()
    query = read_query(open_store(crew.campaign.root), crew.campaign.state.commits[-1].objects["query"])
    assert query["probabilities"].null_count == 8 and query["opinion"].to_pylist() == [1] * 8


def test_the_outlook_names_who_answered_and_what_is_open(people: Callable[..., People]) -> None:
    crew = people(quorum=2, answered_share=0.5)
    asked = crew.asked()
    crew.answer(asked[:3], "ann")
    crew.answer(asked[:1], "bob")
    before = crew.campaign.files()
    view = awaited_labels(open_store(crew.campaign.root), crew.campaign.state, str(crew.path))
    assert (view.asked, view.answered, view.votes_by_annotator) == (8, 1, {"ann": 3, "bob": 1})
    assert set(view.open) == set(asked[1:]) and view.goes_on == "1 of 8 answers are there, 4 are wanted"
    assert crew.campaign.files() == before


def test_a_filled_in_csv_with_names(with_csv: Callable[..., People]) -> None:
    crew = with_csv(quorum=2)
    path = Path(crew.campaign.root) / "queries/cycle-0000.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row |= {"label": row["sample_id"].split("/")[0], "annotator": ("ann", "bob")[number % 2]}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert crew.campaign.ingest().decision == "train"
    assert crew.campaign.work.votes().num_rows == 16


def test_late_answers_in_the_csv_of_an_earlier_query(with_csv: Callable[..., People]) -> None:
    crew = with_csv(answered_share=0.5)

    def fill_in(cycle: int, count: int) -> None:
        path = Path(crew.campaign.root) / f"queries/cycle-{cycle:04d}.csv"
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows[:count]:
            row["label"] = row["sample_id"].split("/")[0]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    fill_in(0, 4)
    crew.campaign.run_cycle()
    fill_in(0, 8)
    fill_in(1, 4)
    assert crew.campaign.ingest().reason == "8 new labels, 4 of them for earlier queries; 4 of 8 answers are there"


def write_labels(root: str, cycle: int, label: Callable[[str], str]) -> None:
    """Fill in the CSV of a query; `label` says which for each sample."""
    store = open_store(root)
    rows = list(csv.DictReader(io.StringIO(store.read(delivery_key(cycle)).decode())))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"label": label(row["sample_id"])} for row in rows)
    store.write(delivery_key(cycle), text.getvalue().encode())


def right(sample_id: str) -> str:
    return sample_id.split("/")[0]


def test_corrections_in_the_csv_of_a_closed_query_count(
    begin_on_images: Callable[..., Any], store_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "SLACK_SECONDS", -1.0)
    campaign = begin_on_images(store_root, labels_from=None, recipe="random", classes=CLASSES, batch=8, budget=40)
    campaign.run_until("publish")
    wrong = open_store(store_root).read(delivery_key(0)).decode().splitlines()[1].split(",")[0]
    other = next(name for name in CLASSES if name != right(wrong))
    write_labels(store_root, 0, lambda name: other if name == wrong else right(name))
    campaign.run_cycle()
    assert campaign.work.labelled()[wrong] == other
    write_labels(store_root, 1, right)
    campaign.run_cycle()
    time.sleep(2.5)  # S3 says when something was written to the second
    write_labels(store_root, 0, right)
    write_labels(store_root, 2, right)
    ingested = campaign.ingest()
    assert ingested.decision == "train" and ingested.reason == "8 new labels; answers corrected: 1"
    assert len(campaign.work.labelled()) == 24
    assert all(label == right(name) for name, label in campaign.work.labelled().items())


def test_rows_of_samples_that_nobody_asked_for_are_counted(
    begin_on_images: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = begin_on_images(labels_from=None, recipe="random", classes=CLASSES, batch=8, budget=40)
    campaign.run_until("publish")
    path = Path(campaign.root) / delivery_key(0)
    asked = {row["sample_id"] for row in csv.DictReader(path.read_text().splitlines())}
    pool = ids_of_split(open_store(campaign.root), campaign.state.campaign, "pool")
    others = [name for name in pool if name not in asked][:2]
    write_labels(campaign.root, 0, right)
    path.write_text(path.read_text() + "".join(f"{name},,,,,{right(name)},\n" for name in others))
    assert campaign.ingest().reason == "8 new labels"
    assert "cycle-0000.csv: 2 rows with answers are of samples that nobody asked for." in capsys.readouterr().err


def test_csvs_that_nobody_touched_are_not_read_again(
    begin_on_images: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "SLACK_SECONDS", 0.0)
    campaign = begin_on_images(labels_from=None, recipe="random", classes=CLASSES, batch=8, budget=40)
    campaign.run_until("publish")
    for cycle in range(3):
        write_labels(campaign.root, cycle, right)
        campaign.run_cycle()
    read = []
    monkeypatch.setattr(arrivals, "read_delivered_csv", lambda _, __, cycle, *rest: read.append(cycle) or [])
    campaign.ingest()
    assert read == [3]
    write_labels(campaign.root, 1, right)
    read.clear()
    campaign.ingest()
    assert sorted(read) == [1, 3]


def test_the_same_answers_are_the_same_attempt_wherever_a_campaign_lies(
    begin_on_images: Callable[..., Any], tmp_path: Path
) -> None:
    attempts = []
    for folder in ("here", "there"):
        campaign = begin_on_images(
            str(tmp_path / folder), name="same", labels_from=None, recipe="random", classes=CLASSES, batch=8
        )
        campaign.run_until("publish")
        path = tmp_path / folder / "queries/cycle-0000.csv"
        path.write_text(path.read_text().replace(",,\n", ",red,\n"))
        attempts.append(campaign.ingest().attempt)
    assert attempts[0] and attempts[0] == attempts[1]
