"""Clocks jump, and differ between machines: nothing crashes, nothing is lost, and no vote loses to another's clock."""

import csv
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.campaign.votes import Vote, in_force
from labelcycle.components.core.config.labelling import LabelStudioTool
from labelcycle.components.core.runtime import authorship
from labelcycle.components.core.runtime.timings import read_timings
from labelcycle.components.core.storage import open_store
from labelcycle.components.label_ingest.arrivals import new_votes
from labelcycle.components.label_ingest.awaited_labels import awaited_labels
from labelcycle.components.label_ingest.stage import run as label_ingest
from labelcycle.components.labelling.delivery_record import read_delivery_record, write_delivery_record
from labelcycle.components.labelling.label_studio.image_links import ImageLinks
from labelcycle.components.tracking.promotion import Gate, ModelName
from labelcycle.components.tracking.promotion_history import Promotion, append_promotion, read_history
from labelcycle.pipelines.dashboard.status_parts import awaited
from tests.conftest import write_embeddings
from tests.harness.clock_trials import JumpingClock, clock_in_labelcycle, fixed_clock
from tests.harness.quick_campaign import losses, request, run_until_done

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
TODAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEARS = timedelta(days=365 * 9)
SHIFTS = [-YEARS, -timedelta(hours=5), timedelta(hours=5), YEARS]


def at(moment: datetime) -> Any:
    """While it is this moment."""
    return clock_in_labelcycle(fixed_clock(moment))


class Crew:
    """A campaign of people with a deadline of two days, whose first query was delivered today, and their file."""

    def __init__(self, begin: Any, folder: Path) -> None:
        self.labels = folder / "labels.csv"
        with at(TODAY):
            self.campaign = begin(deadline_hours=48, budget=16, batch=8)
            self.campaign.run_cycle()
        self.store = open_store(self.campaign.root)

    @property
    def asked(self) -> list[str]:
        """The samples of the last query."""
        commits = self.campaign.state.commits
        return read_query(self.store, commits[-1].objects["query"])["sample_id"].to_pylist()

    def answer(self, samples: Iterable[str], time: datetime = TODAY) -> None:
        """Write the right answers of these samples, and none else, as given at this time by somebody's clock."""
        with self.labels.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sample_id", "annotator", "label", "time"])
            writer.writerows([name, "ann", name.split("-")[0], time.isoformat()] for name in samples)

    def decision(self) -> str:
        return str(label_ingest(self.campaign.root, str(self.labels)).decision)


@pytest.fixture
def crew(begin: Any, tmp_path: Path) -> Crew:
    return Crew(begin, tmp_path)


def test_a_campaign_under_a_clock_that_jumps_is_the_same_campaign(tmp_path: Path) -> None:
    embeddings, clock = write_embeddings(tmp_path / "embeddings.npz"), JumpingClock(seed=1)
    quiet, jumpy = (request(str(tmp_path / name), embeddings, cycles=1) for name in ("quiet", "jumpy"))
    run_until_done(quiet)
    with clock_in_labelcycle(clock):
        run_until_done(jumpy)
    from tests.harness.committed_objects import committed_objects

    assert clock.readings > 10
    assert losses(jumpy.root, committed_objects(quiet.root)) == []
    timings = [timing for cycle in (0, 1) for timing in read_timings(open_store(jumpy.root), cycle)]
    assert timings
    assert all(timing.wall_seconds >= 0 and timing.cpu_seconds >= 0 for timing in timings)


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_a_deadline_by_another_clock_shifts_and_loses_nothing(shift: timedelta, crew: Crew) -> None:
    crew.answer(crew.asked[:3])
    with at(TODAY + shift):
        assert crew.decision() == ("train" if shift > timedelta(hours=48) else "wait")
        view = awaited_labels(crew.store, read_state(crew.store), str(crew.labels))
        lines = awaited(view, 40, TODAY + shift)
    console = Console(width=200)
    with console.capture() as captured:
        console.print(*lines, sep="\n")
    told = "passed" if shift > timedelta(hours=48) else "in "
    assert told in captured.get().partition("deadline: 2026-03-03 12:00 UTC, ")[2]
    assert "-" not in captured.get().partition("UTC, ")[2]
    crew.answer(crew.asked)
    with at(TODAY - YEARS):
        assert crew.decision() == "train"
    assert crew.campaign.state.commits[-1].cycle == 0


def test_answers_that_come_after_a_deadline_by_a_wrong_clock_join_the_next_cycle(crew: Crew) -> None:
    first = crew.asked
    crew.answer(first[:3])
    with at(TODAY + YEARS):
        crew.campaign.run_cycle(str(crew.labels))
    assert crew.campaign.state.summaries[-1].outstanding == 5
    crew.answer([*first, *crew.asked])
    with at(TODAY + timedelta(hours=1)):
        crew.campaign.ingest(str(crew.labels))
    assert sorted(crew.campaign.work.labelled()) == sorted([*first, *crew.asked])


def test_the_first_receipt_stays_whatever_the_clock_says(crew: Crew) -> None:
    for shift in SHIFTS:
        with at(TODAY + shift):
            write_delivery_record(crew.store, 0, "elsewhere")
    receipt = read_delivery_record(crew.store, 0)
    assert receipt is not None
    assert (receipt.handed_out, receipt.place) != (TODAY + SHIFTS[-1], "elsewhere")
    assert receipt.handed_out == TODAY


@pytest.mark.parametrize("clock", ["2035-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "", "yesterday"])
def test_of_two_answers_the_one_that_arrived_last_counts_whatever_its_clock_says(clock: str) -> None:
    first = Vote("s", "ann", "blue", "ok", "2026-03-01T12:00:00Z", "labels.csv")
    changed = replace(first, label="red", time=clock)
    kept = in_force([first])
    assert list(in_force([*kept.values(), *new_votes([changed], kept)]).values()) == [changed]


def test_a_changed_answer_from_a_machine_whose_clock_is_years_behind_counts(crew: Crew) -> None:
    asked = crew.asked
    crew.answer(asked, TODAY)
    crew.campaign.run_cycle(str(crew.labels))
    with crew.labels.open("a", newline="") as file:
        rows = [[name, "ann", name.split("-")[0], "1999-01-01T00:00:00Z"] for name in crew.asked]
        csv.writer(file).writerows(rows)
    text = crew.labels.read_text()
    before = f"{asked[0]},ann,{asked[0].split('-')[0]},{TODAY.isoformat()}"
    assert before in text
    other = next(name for name in ("blue", "red") if not asked[0].startswith(name))
    crew.labels.write_text(text.replace(before, f"{asked[0]},ann,{other},1999-01-01T00:00:00Z"))
    crew.campaign.ingest(str(crew.labels))
    labelled = crew.campaign.work.labelled()
    assert labelled[asked[0]] == other
    assert len(labelled) == 16


def test_promotions_are_in_the_order_of_their_numbers_whatever_the_clock_says(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    for number, shift in enumerate([timedelta(0), -YEARS, YEARS, -timedelta(hours=1)]):
        model = ModelName(cycle=number, commit=f"{number:064d}", accuracy=0.5, test_set="t")
        with at(TODAY + shift):
            record = Promotion(
                number=number,
                previous=read_history(store).digest,
                time=authorship.now(),
                by="labelcycle",
                outcome="promoted",
                reason="better",
                challenger=model,
                champion=model,
                gate=Gate(),
                fallen=[],
            )
        assert append_promotion(store, record)
    history = read_history(store)
    assert [record.challenger.cycle for record in history.promotions] == [0, 1, 2, 3]
    assert sorted(record.time for record in history.promotions) != [record.time for record in history.promotions]
    assert history.champion is not None and history.champion.cycle == 3


def test_links_that_were_signed_by_a_clock_that_was_behind_are_made_anew(aws_environment: None) -> None:
    links = ImageLinks(LabelStudioTool(url="http://127.0.0.1:1"), {"s": "s3://bucket/s.png"})
    with at(TODAY - YEARS):
        link = links.link("s")
    assert links.runs_out(link.until, TODAY)
    with at(TODAY):
        assert not links.runs_out(links.link("s").until, TODAY)
