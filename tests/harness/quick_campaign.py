"""A campaign on frozen features whose stages run in this process, again and again until it is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from labelcycle.components.core.errors import LabelcycleError, TransientError
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.conftest import COLD_START, TRAINING, Bench
from tests.harness.committed_objects import committed_objects, damaged_objects

MOST_RUNS = 200


class Request(NamedTuple):
    """What `labelcycle init` is asked for."""

    root: str
    settings: CampaignSettings


def request(root: str, embeddings: Path, cycles: int) -> Request:
    """A campaign of so many trained cycles."""
    quick = {"trainer.epochs": 5, "trainer.learning_rate": 0.02}
    sizes = {"budget": 8 * cycles, "batch": 8, "price_cpu_hour": 1.0}
    data = {"embeddings": str(embeddings), "recipe": "linear_probe"}
    return Request(root, CampaignSettings(name="trial", overrides=quick, **data, **sizes))


@dataclass
class Passage:
    """How a campaign came to its end.

    Attributes:
        failures: errors that told to run the same command again, in order.
        refusals: errors after which somebody had to do something first.
    """

    failures: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def run_until_done(
    wanted: Request,
    mend: Callable[[LabelcycleError], None] | None = None,
    before_stage: Callable[[str], None] = lambda stage: None,
) -> Passage:
    """Begin the campaign and run cycles until it is done, again after every error that says so.

    Args:
        wanted: the campaign.
        mend: does what an error's remedy asks for; without it an error that is not transient ends the trial.
        before_stage: called before each stage, with its name.

    Raises:
        LabelcycleError: it cannot go on.
        AssertionError: it was run again and again, and did not end.
    """
    passage, begun = Passage(), False
    for _ in range(MOST_RUNS):
        try:
            before_stage("init")
            if not begun:
                begin_campaign(*wanted)
                begun = True
            while run_cycle_once(Bench(wanted.root), before_stage):
                pass
            return passage
        except LabelcycleError as error:
            (passage.failures if isinstance(error, TransientError) else passage.refusals).append(str(error))
            if mend is None and not isinstance(error, TransientError):
                raise
            if mend is not None:
                mend(error)
    raise AssertionError(f"no end after {MOST_RUNS} runs; the last failures: {passage.failures[-3:]}")


def run_cycle_once(bench: Bench, before_stage: Callable[[str], None]) -> bool:
    """Run one cycle as the pipeline does. Returns whether there was one to run."""
    before_stage("label_ingest")
    decision = bench.ingest().decision
    if decision not in ("cold_start", "train"):
        assert decision == "done", decision
        return False
    stages: Sequence[str] = COLD_START if decision == "cold_start" else TRAINING
    for stage in stages:
        before_stage(stage)
        bench.run(stage)
    return True


def losses(root: str, reference: dict[str, str]) -> list[str]:
    """What of the reference's committed objects is missing, other than it was, or damaged at `root`; or is too much."""
    mine = committed_objects(root)
    differing = [key for key in sorted({*mine, *reference}) if mine.get(key) != reference.get(key)]
    return [*differing, *damaged_objects(root)]
