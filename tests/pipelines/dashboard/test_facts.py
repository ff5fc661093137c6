"""The status for machines: no key is lost, and what is new is there."""

import json
from typing import Any

import pytest

from labelcycle.pipelines.dashboard.view import status_facts

EARLIER_KEYS = {
    "campaign",
    "root",
    "recipe",
    "strategy",
    "state",
    "why_done",
    "budget",
    "batch",
    "labels",
    "awaited",
    "cold_start",
    "cycles",
    "final",
}


def test_a_campaign_that_people_label(labelled_by_people: Any) -> None:
    labelled_by_people.fill_in(4, "cat")
    facts = status_facts(labelled_by_people.view())
    assert facts.keys() >= EARLIER_KEYS and json.loads(json.dumps(facts)) == facts
    assert (facts["state"], facts["labels"], facts["answers"], facts["awaited"]) == ("labelling", 20, 20, 10)
    assert facts["cold_start"] == {"cycle": 0, "query_size": 10}
    assert [cycle["accuracy"] for cycle in facts["cycles"]] == [0.5, 0.6]
    assert facts["next_command"] == f"labelcycle run {labelled_by_people.root}"
    assert facts["report"] == f"{labelled_by_people.root}/cycles/2/attempt/report.html"
    assert [cost["overall_cost"] for cost in facts["costs"]] == [0, 10, 20]
    gain = facts["marginal_gain"]
    assert gain == pytest.approx(
        {"labels": 10, "accuracy": 0.1, "cost": 10, "accuracy_per_label": 0.01, "cost_of_a_point": 1}
    )
    labelling = facts["labelling"]
    assert (labelling["asked"], labelling["answered"], len(labelling["open"])) == (10, 4, 6)
    assert labelling["open"][0] == "sample-24" and labelling["votes_by_annotator"] == {"": 4}
    assert facts["notes"] == []


def test_a_label_source_that_cannot_be_read_costs_that_part_alone(labelled_by_people: Any) -> None:
    labelled_by_people.fill_in(1, "no such class")
    facts = status_facts(labelled_by_people.view())
    assert facts["labelling"] is None and len(facts["cycles"]) == 2
    assert (
        facts["notes"][0].startswith("it is not known now who still has to label: ")
        and "no such class" in facts["notes"][0]
    )


def test_a_new_campaign_and_one_that_is_done(begin_story: Any) -> None:
    story = begin_story()
    facts = status_facts(story.view())
    assert (facts["state"], facts["labels"], facts["costs"], facts["report"]) == ("new", 0, [], None)
    story.cycle(0, None, 24)
    story.cycle(24, 0.7, 0)
    facts = status_facts(story.view())
    assert (facts["state"], facts["labelling"], facts["marginal_gain"]) == ("done", None, None)
    assert facts["why_done"] == "the budget of 24 labels is spent"
    assert facts["in_words"] == f"done: {facts['why_done']}"
