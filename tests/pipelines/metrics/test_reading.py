"""A campaign's figures, from its commits and timings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.runtime.timings import Timing, read_timings, write_timing
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.metrics.campaign_figures import LastRun, last_runs, read_figures


def timing(**changes: Any) -> Timing:
    figures = {"started": 1.0, "wall_seconds": 2.0, "cpu_seconds": 3.0, "gpu_seconds": 0.5, "peak_memory_bytes": 5}
    return Timing(**{"stage": "score", "rows": 7, **figures, **changes})


def test_a_new_campaign(begin: Callable[..., Any]) -> None:
    found = read_figures(open_store(begin().root))
    assert (found.phase, found.cycle, found.labels, found.awaited, found.budget) == ("new", None, 0, 0, 24)
    assert (found.accuracy, found.committed, found.runs) == (None, None, [])


def test_a_campaign_at_work(begin: Callable[..., Any]) -> None:
    campaign = begin(label_price=0.5, price_cpu_hour=3600)
    campaign.run_cycle()
    campaign.run_cycle()
    store, state = open_store(campaign.root), campaign.state
    found = read_figures(store)
    assert (found.campaign, found.phase, found.cycle) == (state.campaign.identifier, "labelling", 1)
    assert (found.labels, found.answers, found.awaited, found.accuracy) == (8, 8, 8, state.trained[-1].accuracy)
    assert found.label_cost == 4.0 and found.compute_cost > 0
    timings = {record.step: record for record in read_timings(store, 1)}
    published = timings["publish"]
    assert found.committed == published.started + published.wall_seconds
    assert [run.stage for run in found.runs] == sorted(timings)
    score = next(run for run in found.runs if run.stage == "score")
    assert (score.rows, score.wall_seconds) == (40, timings["score"].wall_seconds)
    assert score.bytes_read and score.bytes_written


def test_a_campaign_that_is_done(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=8)
    campaign.run_cycle()
    campaign.run_cycle()
    found = read_figures(open_store(campaign.root))
    assert (found.phase, found.awaited, found.answers) == ("done", 0, 8)


def test_what_is_under_way_counts(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    before = read_figures(open_store(campaign.root))
    campaign.run_until("train_adapter")
    after = read_figures(open_store(campaign.root))
    assert "train_adapter" not in [run.stage for run in before.runs]
    assert "train_adapter" in [run.stage for run in after.runs]
    assert (after.cycle, after.committed) == (before.cycle, before.committed)


def test_runs_that_failed_count_until_the_cycle_is_committed(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("train_adapter")
    store = open_store(campaign.root)
    write_timing(store, campaign.cycle, campaign.attempt, timing(stage="evaluate", rows=None, failed=True))
    assert read_figures(store).failures == 1
    campaign.run_cycle()
    assert read_figures(store).failures == 0


def test_no_campaign(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="No campaign"):
        read_figures(open_store(str(tmp_path)))


def test_the_last_run_that_did_not_fail_counts() -> None:
    runs = [timing(rows=1), timing(rows=2, started=2.0), timing(rows=None, failed=True, started=3.0)]
    assert [run.rows for run in last_runs(runs)] == [2]


def test_parts_of_a_stage_are_taken_together() -> None:
    parts = [
        timing(shard=0, wall_seconds=9.0, rows=1, bytes_read=10, peak_memory_bytes=3),
        timing(shard=1, wall_seconds=4.0, rows=2, bytes_read=None, peak_memory_bytes=8),
        timing(stage="embed", target="base", rows=None),
    ]
    embed, score = last_runs(parts)
    assert (embed.stage, embed.rows, embed.bytes_read) == ("embed_base", None, None)
    assert score == LastRun("score", 9.0, 6.0, 1.0, 8, 3, 10, None)
