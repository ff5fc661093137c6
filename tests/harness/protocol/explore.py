"""Explore every state that can be reached, breadth first, and check what must hold."""

import time
from collections import deque
from dataclasses import dataclass, field

from tests.harness.protocol.invariants import IN_EVERY_STATE, IN_EVERY_STEP, at_its_end
from tests.harness.protocol.steps import by_chance, steps
from tests.harness.protocol.world import Bounds, Rules, World, beginning


@dataclass(frozen=True)
class Violation:
    """What does not hold, and the shortest way there."""

    what: str
    way: list[str]


@dataclass
class Explored:
    """What an exploration saw.

    Attributes:
        states: how many.
        transitions: how many steps between them.
        ends: states at which the campaign is over.
        violations: of each invariant the first; empty where all hold.
        complete: whether every state that can be reached was seen.
        seconds: that it took.
    """

    states: int = 0
    transitions: int = 0
    ends: int = 0
    violations: list[Violation] = field(default_factory=list)
    complete: bool = False
    seconds: float = 0.0


def explore(bounds: Bounds, rules: Rules | None = None, most: int = 5_000_000, until: str = "") -> Explored:
    """Explore.

    Args:
        bounds: how large the model is.
        rules: what it keeps to; all by default.
        most: states after which to stop, incomplete. Nothing is said then about what can be reached from each.
        until: stop once the invariant of this name is violated.
    """
    rules = rules or Rules()
    began = time.monotonic()
    start = beginning(bounds)
    numbers: dict[World, int] = {start: 0}
    states, reached_by, before = [start], [(0, "")], [[]]  # type: list[World], list[tuple[int, str]], list[list[int]]
    found = Explored()
    broken: set[str] = set()
    waiting = deque([0])
    ends = []

    def violated(what: str, number: int, last: str = "") -> None:
        if what not in broken:
            broken.add(what)
            found.violations.append(Violation(what, [*_way(reached_by, number), *([last] if last else [])]))

    while waiting and len(states) < most and until not in broken:
        number = waiting.popleft()
        world = states[number]
        for invariant in IN_EVERY_STATE:
            if not invariant(world, bounds):
                violated(invariant.__name__, number)
        if at_its_end(world):
            ends.append(number)
        for what, after in steps(world, bounds, rules):
            found.transitions += 1
            for in_step in IN_EVERY_STEP:
                if not in_step(world, after):
                    violated(in_step.__name__, number, what)
            if after not in numbers:
                numbers[after] = len(states)
                waiting.append(len(states))
                states.append(after)
                reached_by.append((number, what))
                before.append([])
            if not by_chance(what):
                before[numbers[after]].append(number)
    found.states, found.ends, found.complete = len(states), len(ends), not waiting
    if found.complete:
        stuck = _first_without_an_end(before, ends)
        if stuck is not None:
            violated(at_its_end.__name__, stuck)
    found.seconds = time.monotonic() - began
    return found


def _way(reached_by: list[tuple[int, str]], number: int) -> list[str]:
    way: list[str] = []
    while number:
        number, what = reached_by[number]
        way.append(what)
    return way[::-1]


def _first_without_an_end(before: list[list[int]], ends: list[int]) -> int | None:
    """The first state from which no end can be reached."""
    good = bytearray(len(before))
    waiting = list(ends)
    for number in ends:
        good[number] = 1
    while waiting:
        for number in before[waiting.pop()]:
            if not good[number]:
                good[number] = 1
                waiting.append(number)
    missing = good.find(0)
    return None if missing < 0 else missing
