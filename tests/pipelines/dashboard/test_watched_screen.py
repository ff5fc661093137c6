"""The watched dashboard fits into the terminal."""

import io
from datetime import datetime
from itertools import takewhile
from typing import Any

import pytest
from rich.console import Console

from labelcycle.pipelines.dashboard.watching import WatchedScreen

LOOKED = datetime(2026, 11, 21, 17, 30, 5)


@pytest.fixture
def long_story(begin_story: Any) -> Any:
    story = begin_story(budget=40, batch=2)
    for number in range(12):
        story.cycle(2 * number, 0.3 + number / 40 if number else None, 2)
    return story


def drawn(screen: WatchedScreen, width: int, height: int) -> list[str]:
    output = io.StringIO()
    console = Console(file=output, width=width, height=height, force_terminal=True, color_system=None)
    console.print(screen)
    return output.getvalue().splitlines()


@pytest.mark.parametrize(("height", "cycles", "curves"), [(50, 12, True), (32, 9, True), (26, 3, True), (25, 3, False)])
def test_low_terminals_have_fewer_cycles_and_then_no_courses(
    long_story: Any, height: int, cycles: int, curves: bool
) -> None:
    lines = drawn(WatchedScreen(long_story.view(), "", 10, LOOKED), 200, height)
    assert len(lines) < height
    assert lines[0] == "17:30:05 · a look every 10 s · Ctrl-C ends"
    assert lines[-1] == "next cycle: with the next run"
    rule = next(number for number, line in enumerate(lines) if "─────" in line)
    rows = [line.split()[0] for line in takewhile(str.strip, lines[rule + 1 :])]
    assert rows == [str(number) for number in range(12 - cycles, 12)]
    assert any(line.startswith("accuracy ") for line in lines) is curves


def test_trouble_comes_first_above_what_was_seen(long_story: Any) -> None:
    lines = drawn(WatchedScreen(long_story.view(), "S3 does not answer.\x1b[2J", 10, LOOKED), 80, 24)
    assert lines[0] == "17:30:05 S3 does not answer.�[2J Trying again."
    assert long_story.campaign.identifier in lines[1]


def test_trouble_before_anything_was_seen() -> None:
    assert drawn(WatchedScreen(None, "S3 does not answer.", 10, LOOKED), 80, 24) == [
        "17:30:05 S3 does not answer. Trying again."
    ]


def test_long_addresses_are_folded(long_story: Any) -> None:
    lines = drawn(WatchedScreen(long_story.view(), "", 10, LOOKED), 40, 80)
    assert all(len(line) <= 40 for line in lines)
    assert f"next: labelcycle run {long_story.root}" in "".join(lines)
