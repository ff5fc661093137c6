"""The dashboard as people see it, on terminals of any width and in pipes."""

import html
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from labelcycle.components.analysis.verdict import verdict_of
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.storage import open_store
from labelcycle.components.label_ingest.awaited_labels import AwaitedLabels
from labelcycle.pipelines.dashboard.screen import print_people, print_status
from labelcycle.pipelines.dashboard.status_parts import awaited
from labelcycle.pipelines.dashboard.view import View, read_status, status_facts

NOW = datetime(2026, 11, 21, 17, 30, tzinfo=UTC)
OUTLOOK = AwaitedLabels(
    asked=10,
    answered=6,
    open=["cat/1.png", "two", "three", "four", "five", "six"],
    votes_by_annotator={"anna": 6, "": 2},
    goes_on="6 of 10 answers are there, 10 are wanted",
    deadline="2026-11-23T18:00:00+00:00",
    outstanding=3,
)


def shown(view: View, width: int, **settings: Any) -> str:
    output = io.StringIO()
    console = Console(file=output, width=width, **settings)
    print_status(console, view.status)
    print_people(console, view)
    return output.getvalue()


def text_of(waited_for: AwaitedLabels) -> str:
    output = io.StringIO()
    console = Console(file=output, width=200)
    for line in awaited(waited_for, 200, NOW):
        console.print(line)
    return output.getvalue()


def test_all_of_it(labelled_by_people: Any) -> None:
    text = shown(labelled_by_people.view(), 120)
    root = labelled_by_people.root
    for part in (
        f"labelling: the 10 samples of cycle 2's query are labelled at {root}/queries/cycle-0002.csv\n",
        f"next: labelcycle run {root}\n",
        f"report: {root}/cycles/2/attempt/report.html\n",
        "2      20    0.6000  +0.1000    0.6000  0.1000     10",
        "accuracy ▁█ 0.5000 → 0.6000",
        "cost     ▁█ 10.00 → 20.00",
        "20 of 30 labels of the budget are used.",
        "cost so far 20.00 = labels 20.00 + computing 0.00",
        "the last 10 labels brought +10.00 points of accuracy, +1.000 a label; a point cost 1.00",
        "0 of 10 samples of the query are answered.",
        "open: 'sample-20', 'sample-21', 'sample-22', 'sample-23', 'sample-24', and 5 more",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (120, ["cycle", "labels", "accuracy", "change", "macro F1", "ECE", "query", "unknown:known"]),
        (80, ["cycle", "labels", "accuracy", "change", "macro F1", "ECE", "query", "unknown:known"]),
        (60, ["cycle", "labels", "accuracy", "change", "macro F1", "ECE", "query"]),
        (40, ["cycle", "labels", "accuracy", "change"]),
    ],
)
def test_narrow_terminals_have_fewer_columns(labelled_by_people: Any, width: int, columns: list[str]) -> None:
    view = View(labelled_by_people.view().status, OUTLOOK, None)
    lines = shown(view, width).splitlines()
    heading = next(line for line in lines if line.strip().startswith("cycle"))
    assert [name.strip() for name in heading.split("  ") if name.strip()] == columns
    table = lines[lines.index(heading) : lines.index(heading) + 5]
    assert all(len(line) <= width and "…" not in line for line in table)


@pytest.mark.parametrize("width", [80, 60, 40])
def test_nothing_is_wider_than_the_terminal_but_what_is_to_be_copied(labelled_by_people: Any, width: int) -> None:
    view = View(labelled_by_people.view().status, OUTLOOK, "the tool does not answer " * 5)
    text = shown(view, width, force_terminal=True, color_system=None)
    _, _, rest = text.partition("report.html\n")
    assert rest and max(len(line) for line in rest.splitlines()) <= width
    assert f"next: labelcycle run {labelled_by_people.root}\n" in text


def last(view: View) -> tuple[CycleSummary, int]:
    summary = view.status.state.summaries[-1]
    return summary, summary.query_size


def test_the_verdict_of_the_report_and_labels_a_class(begin: Any) -> None:
    campaign = begin(classes=["blue", "green", "red", "violet"])
    for _ in range(2):
        campaign.run_cycle()
    view = View(read_status(open_store(campaign.root), campaign.root), None, None)
    text = shown(view, 200)
    assert "labels a class: violet 0 · " in text
    assert "note: 1 class has no label yet, so the model never says 'violet'." in text
    facts = status_facts(view)["labels_by_class"]
    assert facts["violet"] == 0 and sum(facts.values()) == 8
    verdict = verdict_of(campaign.work.campaign, campaign.work.read_record("metrics.json", CycleMetrics), *last(view))
    told = [verdict.headline, verdict.at(campaign.root).quality, verdict.more, *verdict.reasons]
    assert text.splitlines()[1 : 1 + len(told)] == told
    page = html.unescape(campaign.work.read("report.html").decode())
    assert all(words in page for words in (verdict.headline, verdict.quality, verdict.more, *verdict.reasons))
    found = status_facts(view)["verdict"]
    assert json.loads(json.dumps(found)) == found
    assert (found["answer"], found["headline"], found["more"]) == (verdict.answer, verdict.headline, verdict.more)


def test_colours_on_terminals_alone(labelled_by_people: Any) -> None:
    view = labelled_by_people.view()
    assert "\x1b[" in shown(view, 80, force_terminal=True)
    assert "\x1b" not in shown(view, 80)


def test_names_cannot_steer_the_terminal(labelled_by_people: Any) -> None:
    evil = AwaitedLabels(1, 0, ["a\x1b[2J"], {"\x1b]0;title\x07[red]": 1}, "\x1b[2J", "\x1b[2J", 0)
    text = shown(View(labelled_by_people.view().status, evil, "\x1b[2J"), 80)
    assert "\x1b" not in text and "\x07" not in text
    assert "[red] 1" in text


def test_a_new_campaign(begin_story: Any) -> None:
    story = begin_story()
    text = shown(story.view(), 80)
    assert "new: nothing has been asked for yet" in text and f"next: labelcycle run {story.root}\n" in text
    assert "0 of 24 labels of the budget are used." in text


def test_who_is_awaited() -> None:
    text = text_of(OUTLOOK)
    for part in (
        "6 of 10 samples of the query are answered.",
        "votes: anna 6 · (not named) 2\n",
        "open: 'cat/1.png', 'two', 'three', 'four', 'five', and 1 more\n",
        "late: 3 samples of earlier queries still have no answer\n",
        "next cycle: 6 of 10 answers are there, 10 are wanted\n",
        "deadline: 2026-11-23 18:00 UTC, in 2 d 0 h\n",
    ):
        assert part in text


def test_a_query_that_is_answered_in_full() -> None:
    text = text_of(AwaitedLabels(4, 4, [], {}, "with the next run", None, 0))
    assert "next cycle: with the next run\n" in text
    assert not any(word in text for word in ("open:", "late:", "votes:", "deadline:"))


@pytest.mark.parametrize(
    ("deadline", "words"),
    [
        ("2026-11-21T20:00:00+01:00", "2026-11-21 19:00 UTC, in 1 h 30 min"),
        ("2026-11-21T17:29:00Z", "2026-11-21 17:29 UTC, passed"),
        ("2026-11-21T18:00:00", "2026-11-21 18:00 UTC, in 0 h 30 min"),
        ("soon", "soon"),
    ],
)
def test_how_far_off_the_deadline_is(deadline: str, words: str) -> None:
    assert f"deadline: {words}\n" in text_of(AwaitedLabels(1, 0, [], {}, "", deadline, 0))


def test_many_annotators_are_counted_together() -> None:
    votes = {f"person-{number:02d}": 20 - number for number in range(15)}
    assert "person-11 9 · 3 others 21\n" in text_of(AwaitedLabels(1, 0, [], votes, "", None, 0))
