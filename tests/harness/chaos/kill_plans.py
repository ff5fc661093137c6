"""When to kill: at a random moment, or at a random write."""

import random
from dataclasses import dataclass

from tests.harness.chaos.crash_points import FOLDER_MOMENTS, S3_MOMENTS, CrashPoint


@dataclass(frozen=True)
class KillPlan:
    """How one process ends: killed after so many seconds, by itself at a crash point, or, with neither, not killed."""

    after: float | None = None
    point: CrashPoint | None = None

    def __str__(self) -> str:
        if self.after is not None:
            return f"after {self.after:.3f} s"
        return "never" if self.point is None else str(self.point)


def draw_plan(generator: random.Random, seconds: float, writes: int, on_s3: bool, by_command: bool = False) -> KillPlan:
    """Half of the kills come at any time of a run, half at its writes.

    Args:
        generator: the trial's own.
        seconds: that an undisturbed run takes.
        writes: that it makes.
        on_s3: where its root is.
        by_command: whether its writes are those of other processes, which nobody counts.
    """
    if generator.random() < 0.5 or by_command:
        return KillPlan(after=generator.uniform(0.0, seconds))
    moments = S3_MOMENTS if on_s3 else FOLDER_MOMENTS
    return KillPlan(point=CrashPoint(generator.choice(moments), write=generator.randint(1, max(1, writes))))
