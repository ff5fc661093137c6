"""Whether the model could have done what a real campaign did."""

from collections.abc import Iterable

from tests.harness.protocol.invariants import at_its_end
from tests.harness.protocol.steps import steps
from tests.harness.protocol.world import Bounds, Rules, World, beginning

NO_ANSWER = " (no answer)"


def refused(events: Iterable[str], bounds: Bounds) -> str | None:
    """The first event that the model cannot follow, in words; None if it follows all and is then at an end.

    Args:
        events: what was seen, in order: every step that changes the store.
        bounds: of a model with as many samples as the campaign.
    """
    worlds = _unseen({beginning(bounds)}, bounds)
    for number, event in enumerate(events):
        following = {
            after
            for world in worlds
            for what, after in steps(world, bounds, Rules())
            if what.removesuffix(NO_ANSWER) == event and _is_seen(world, after)
        }
        if not following:
            return f"event {number}, {event!r}, cannot come here"
        worlds = _unseen(following, bounds)
    return None if any(at_its_end(world) for world in worlds) else "the campaign is not at its end"


def _unseen(worlds: set[World], bounds: Bounds) -> set[World]:
    """These states, and those that can be reached without any change to the store."""
    found, waiting = {*worlds}, [*worlds]
    while waiting:
        world = waiting.pop()
        for _, after in steps(world, bounds, Rules()):
            if after not in found and not _is_seen(world, after):
                found.add(after)
                waiting.append(after)
    return found


def _is_seen(before: World, after: World) -> bool:
    """Whether a step changes the store; forgetting what nothing names is no change."""
    stored = (before.decisions, before.records, before.commits, before.handed_out, before.receipts, before.amended)
    then = (after.decisions, after.records, after.commits, after.handed_out, after.receipts, after.amended)
    if not after.objects <= before.objects:
        return True
    return stored != then
