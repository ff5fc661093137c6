"""What each committed cycle took, all its runs of stages together, in one object beside the timings it sums up.

A campaign of a thousand cycles has thousands of timings, and who asks what it cost so far needs a sum for each cycle.
What follows `publish` adds the cycle where computing has a price, or `label_ingest` where that did not come to it. The
cycle before is then summed up again, since a run may write its timing after its cycle is committed; one that comes
later still is in `labelcycle cost`, which reads each. The object can be deleted: what it lacks is read from timings.
"""

from functools import partial

from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.errors import CampaignError, LabelcycleError
from labelcycle.components.core.logging.events import notice
from labelcycle.components.core.runtime.timings import Used, read_timings
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import read_sealed, sealed

KEY = "cycles/timings/sums.json"
REMEDY = "Delete it: the next cycle writes it again."


class SecondsByCycle(Settings):
    """Seconds on the clock, of processor cores, and on the clock of runs on a GPU, of each cycle from 0."""

    wall: list[float] = []
    cpu: list[float] = []
    gpu: list[float] = []

    @property
    def used(self) -> list[Used]:
        """The same, cycle by cycle."""
        return [Used(*seconds) for seconds in zip(self.wall, self.cpu, self.gpu, strict=True)]


def seconds_by_cycle(store: Store, cycles: int) -> list[Used]:
    """What each of the first `cycles` cycles took.

    Cost: one read, and for each cycle that is not summed up yet a listing and a small read for each run of a stage,
    several cycles at once.
    """
    summed = _read_sums(store)[:cycles]
    return [*summed, *concurrently(partial(_sum_up, store), range(len(summed), cycles))]


def sum_up_cycles(store: Store, cycles: int) -> None:
    """Keep what each of the first `cycles` cycles took. What cannot be written is a notice, and costs no work.

    Cost: as `seconds_by_cycle`, for one cycle more that is not summed up yet; one write.
    """
    try:
        summed = _read_sums(store)
        if len(summed) >= cycles:
            return
        settled = summed[: max(0, len(summed) - 1)]
        used = [*settled, *concurrently(partial(_sum_up, store), range(len(settled), cycles))]
        columns = zip(*((one.wall_seconds, one.cpu_seconds, one.gpu_seconds) for one in used), strict=True)
        wall, cpu, gpu = map(list, columns)
        store.write(KEY, sealed(SecondsByCycle(wall=wall, cpu=cpu, gpu=gpu).model_dump(mode="json")))
    except (LabelcycleError, OSError) as error:
        notice(f"What the cycles took is not summed up: {error}")


def _read_sums(store: Store) -> list[Used]:
    """The sums that are kept; none where they are damaged, which is a notice."""
    try:
        sums = read_sealed(store, KEY, SecondsByCycle, "the sums of timings", REMEDY)
        return [] if sums is None else sums.used
    except (CampaignError, ValueError) as error:
        notice(f"{error} Timings are read one by one until then.")
        return []


def _sum_up(store: Store, cycle: int) -> Used:
    return sum((timing.used for timing in read_timings(store, cycle)), Used())
