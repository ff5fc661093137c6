"""PEAL's recipe and the default one on the images themselves, each once, in a process beside the others.

PEAL trains adapters in a vision transformer, so it takes images and the backbone that ships with labelcycle. The
default recipe has the same backbone here, so that the two differ in nothing but the method.
"""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labelcycle.components.analysis.savings import Curve, learning_curve
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest.prepare import RECIPE
from labelcycle.pipelines.demo.demo_campaign import CampaignFailed
from labelcycle.pipelines.initialise.begin import begin_campaign
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings

PEAL = "peal_entropy"
RECIPES = (RECIPE, PEAL)
STAGES = {
    "cold_start": ("embed base", "select", "publish"),
    "train": ("embed base", "train_adapter", "embed tuned", "evaluate", "score", "select", "publish"),
}
"""What a cycle runs, by what label_ingest decided."""
LOG_TAIL = 30


@contextmanager
def process_on_images(folder: Path, budget: int, batch: int) -> Iterator[Callable[[], None]]:
    """Run both recipes in a process of their own, which ends with the block at the latest.

    Args:
        folder: the demo's, with the digits; the process's output goes to `on-images.log` there.
        budget: labels in all.
        batch: labels a cycle.

    Yields:
        A function that waits for both. It raises CampaignFailed with the end of the log where the process failed.
    """
    log = folder / "on-images.log"
    command = [sys.executable, "-m", __name__, str(folder), str(budget), str(batch)]
    with log.open("w") as sink, subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT) as process:

        def wait() -> None:
            if code := process.wait():
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
                raise CampaignFailed(f"The recipes on images ended with exit code {code}:\n{tail}", code)

        try:
            yield wait
        finally:
            process.terminate()


def run_on_images(folder: Path, recipe: str, budget: int, batch: int) -> None:
    """Begin a campaign in `folder/on-images/<recipe>`, or go on with it, to the end of its budget, in this process.

    Args:
        folder: the demo's, with the digits.
        recipe: by name.
        budget: labels in all.
        batch: labels a cycle.

    Cost: the default recipe passes each image through the backbone once; PEAL trains on it for 50 epochs, and passes
    each image through it again, in every cycle.
    """
    root, digits = str(folder / "on-images" / recipe), folder / "digits"
    begin_campaign(
        root,
        CampaignSettings(
            images=str(digits / "images"),
            labels_from=str(digits / "labels.csv"),
            test=str(digits / "test.csv"),
            recipe=recipe,
            budget=budget,
            batch=batch,
        ),
    )
    while (decided := _stage("label_ingest").run(root, "", False)).decision in STAGES:
        for name in STAGES[decided.decision]:
            stage, _, target = name.partition(" ")
            _stage(stage).run(
                root=root, cycle=decided.cycle, attempt=decided.attempt, **({"target": target} if target else {})
            )


def curve_on_images(folder: Path, recipe: str) -> Curve:
    """Labels and accuracy of what `run_on_images` has run."""
    return learning_curve(read_state(open_store(str(folder / "on-images" / recipe))))


def _stage(name: str) -> Any:
    return importlib.import_module(f"labelcycle.components.{name}.stage")


def main(folder: Path, budget: int, batch: int) -> int:
    """The process: both recipes, one after the other. Returns the exit code."""
    try:
        for recipe in RECIPES:
            run_on_images(folder, recipe, budget, batch)
    except LabelcycleError as error:
        print(f"error: {error}")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
