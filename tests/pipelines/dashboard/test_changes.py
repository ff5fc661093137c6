"""Noticing that something is new."""

from typing import Any

from labelcycle.pipelines.dashboard.watching import Mark, mark_of


def test_commits_and_hand_outs_are_noticed(begin_story: Any) -> None:
    story = begin_story()
    first = mark_of(story.store)
    assert first == Mark()
    story.cycle(0, None, 8)
    second = mark_of(story.store, first)
    assert second.commits == 1 and "queries/cycle-0000.csv" in second.handed_out
    assert mark_of(story.store, second) == second == mark_of(story.store)
    story.store.write("queries/cycle-0000.later", b"")
    assert mark_of(story.store, second) != second


def test_on_s3_as_well(begin_story: Any, s3_root: str) -> None:
    story = begin_story(root=s3_root)
    story.cycle(0, None, 8)
    assert mark_of(story.store, Mark()).commits == 1
