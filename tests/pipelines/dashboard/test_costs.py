"""What the committed cycles cost, and what labels brought."""

from typing import Any

import pytest

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.runtime.timings import Timing, write_timing
from labelcycle.pipelines.dashboard.view import costs_so_far, marginal_gain, status_facts


def spend(story: Any, cycle: int, cpu_seconds: float) -> None:
    used = {"wall_seconds": cpu_seconds, "cpu_seconds": cpu_seconds, "gpu_seconds": 0.0}
    timing = Timing(stage="score", started=float(cycle), rows=None, peak_memory_bytes=0, **used)
    write_timing(story.store, cycle, "attempt", timing)


def test_labels_and_computing_run_up(begin_story: Any) -> None:
    story = begin_story(label_price=0.5, annotators_per_label=2, price_cpu_hour=3600)
    story.cycle(0, None, 8)
    story.cycle(8, 0.5, 8)
    spend(story, 0, 2)
    spend(story, 1, 3)
    costs = costs_so_far(story.store, read_state(story.store))
    assert [(cost.label_cost, cost.compute_cost) for cost in costs] == [(0, 2), (8, 5)]
    assert status_facts(story.view())["costs"][1] == {
        "cycle": 1,
        "label_cost": 8,
        "compute_cost": 5,
        "overall_cost": 13,
    }


def test_no_records_are_read_where_computing_is_free(begin_story: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    story = begin_story()
    story.cycle(0, None, 8)
    spend(story, 0, 2)
    monkeypatch.setattr("labelcycle.pipelines.dashboard.view.seconds_by_cycle", None)
    assert costs_so_far(story.store, read_state(story.store))[0].compute_cost == 0


def test_labels_that_brought_nothing(begin_story: Any) -> None:
    story = begin_story(label_price=2)
    story.cycle(0, None, 8)
    story.cycle(8, 0.5, 8)
    assert marginal_gain(read_state(story.store)) is None
    story.cycle(16, 0.4, 8)
    gain = marginal_gain(read_state(story.store))
    assert gain is not None and gain.cost_of_a_point is None
    assert (gain.labels, gain.cost, gain.per_label) == (8, 16, pytest.approx(-0.0125))


def test_a_cycle_without_new_labels_has_no_gain(begin_story: Any) -> None:
    story = begin_story()
    story.cycle(8, 0.5, 8)
    story.cycle(8, 0.6, 8)
    assert marginal_gain(read_state(story.store)) is None
