"""Campaigns under a clock that jumps back and forth by hours and years."""

import random
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest import mock

from tests.harness.quick_campaign import Passage, request, run_until_done
from tests.harness.storage_trials import Bed, Outcome

JUMPS = [timedelta(0), *(sign * timedelta(hours=hours) for hours in (1, 30, 24 * 400, 24 * 9000) for sign in (1, -1))]


class JumpingClock:
    """A wall clock that is off by another jump each time it is read; `time.monotonic` goes on as it should.

    Args:
        seed: of the jumps.
        jumps: how far off it may be.
    """

    def __init__(self, seed: int, jumps: list[timedelta] = JUMPS) -> None:
        self._chance, self._jumps, self._time = random.Random(seed), jumps, time.time
        self.readings = 0

    def time(self) -> float:
        """As `time.time`."""
        self.readings += 1
        return self._time() + self._chance.choice(self._jumps).total_seconds()

    def now(self, tz: tzinfo | None = None) -> datetime:
        """As `datetime.now`."""
        return datetime.fromtimestamp(self.time(), tz)


@contextmanager
def clock_in_labelcycle(clock: Any) -> Iterator[None]:
    """Let `datetime.now` in all loaded modules of labelcycle, and `time.time` everywhere, read this clock."""

    class Datetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now(tz)  # type: ignore[no-any-return]

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(time, "time", clock.time))
        for name, module in list(sys.modules.items()):
            if name.startswith("labelcycle.") and getattr(module, "datetime", None) is datetime:
                stack.enter_context(mock.patch.object(module, "datetime", Datetime))
        yield


def clock_trial(bed: Bed, seed: int) -> Outcome:
    """A campaign in a folder under a clock that jumps at each reading."""
    root = bed.folder / f"clock-{seed}"
    clock = JumpingClock(seed)

    def trial() -> tuple[Passage, int]:
        with clock_in_labelcycle(clock):
            return run_until_done(request(str(root), bed.embeddings, bed.cycles)), clock.readings

    outcome = bed.outcome("clock jumps", seed, str(root), trial)
    shutil.rmtree(root, ignore_errors=True)
    return outcome


def fixed_clock(moment: datetime) -> Any:
    """A clock that stands still."""

    class Fixed:
        def time(self) -> float:
            return moment.timestamp()

        def now(self, tz: tzinfo | None = None) -> datetime:
            return moment.astimezone(tz or UTC)

    return Fixed()
