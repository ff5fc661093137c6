"""The demo: a whole campaign on handwritten digits, `peal_entropy` next to a `random` arm, on this machine alone.

The 1,797 digits ship inside scikit-learn. They are written out as PNG files with a label file that plays the
annotator, so that the demo does what a user does: `labelcycle init`, `labelcycle run`, and a look at the results. The
two arms train the same adapter on the same number of labels; they differ in how the labels are chosen, and in nothing
else.
"""

import csv
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.state import State, read_state
from labelcycle.components.core.storage import open_store
from labelcycle.components.evaluate.savings import Saving, learning_curve, savings

CYCLES, BATCH, TEST_SHARE = 6, 40, 0.3
TRAINING = ["trainer.epochs=12", "trainer.batch_size=16"]
ARMS = {
    "peal": ["--recipe", "peal_entropy"],
    "random": ["--recipe", "random", "--set", "trainer.name=lora"],
}


def main(folder: Annotated[Path, typer.Argument(help="Where the demo keeps its data and campaigns.")]) -> None:
    """Run both arms side by side, each on half of the cores, and print what active learning saved."""
    folder = folder.absolute()
    write_digits(folder / "digits")
    print(f"campaigns {folder / 'peal'} and {folder / 'random'}, {CYCLES} cycles of {BATCH} labels", flush=True)
    with ThreadPoolExecutor(len(ARMS)) as executor:
        codes = list(executor.map(lambda arm: run_arm(folder, arm), ARMS))
    if any(codes):
        print(f"the demo failed; to begin afresh: rm -r {folder}", file=sys.stderr)
        raise typer.Exit(max(codes))
    active, random = (read_state(open_store(str(folder / arm))) for arm in ("peal", "random"))
    print_table(active, random, savings(learning_curve(active), learning_curve(random)))
    report = open_store(str(folder / "peal")).locate(active.commits[-1].objects["report"].key)
    print(f"report: {report}")
    print(f"MLflow: {Path(sys.executable).parent / 'mlflow'} ui --backend-store-uri sqlite:///{folder / 'mlflow.db'}")


def run_arm(folder: Path, arm: str) -> int:
    """`labelcycle init` and `labelcycle run` of one arm, as a user calls them; returns the exit code."""
    root, digits = str(folder / arm), folder / "digits"
    settings = [part for setting in TRAINING for part in ("--set", setting)]
    data = ["--images", str(digits / "images"), "--labels-from", str(digits / "labels.csv")]
    size = ["--test", str(digits / "test.csv"), "--budget", str(CYCLES * BATCH), "--batch", str(BATCH)]
    for command in (["init", root, *data, *size, *ARMS[arm], *settings], ["run", root]):
        code = _call(arm, command, {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"})
        if code:
            return code
    return 0


def _call(arm: str, arguments: list[str], environment: dict[str, str]) -> int:
    """Run one command on an equal share of the cores, its output marked with the arm's name."""
    threads = max(1, len(os.sched_getaffinity(0)) // len(ARMS))
    with subprocess.Popen(
        [sys.executable, "-m", "labelcycle.pipelines.cli.main", *arguments],
        env={**os.environ, **environment, "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(f"{arm:>6} | {line}", end="", flush=True)
    return process.returncode


def print_table(active: State, random: State, saved: list[Saving]) -> None:
    """The two arms side by side; ≥ marks a saving that is only known to be at least so large."""
    table = Table(title="handwritten digits: accuracy of each arm, and labels saved by active learning")
    for heading in ("cycle", "labels", "peal_entropy", "random", "sample-saving ratio"):
        table.add_column(heading, justify="right")
    for ours, theirs, saving in zip(active.trained, random.trained, saved, strict=True):
        bound = f"{saving.sign} " if saving.censored else ""
        table.add_row(
            str(ours.cycle),
            str(ours.labels),
            f"{ours.accuracy:.4f}",
            f"{theirs.accuracy:.4f}",
            f"{bound}{saving.ratio:.0%}",
        )
    Console(width=100).print(table)


def write_digits(folder: Path) -> None:
    """Write `images/*.png` (8×8 greyscale), `labels.csv` for the pool and `test.csv`, unless they are there."""
    if (folder / "test.csv").is_file():
        return
    digits = load_digits()
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        name = f"digit-{number:04d}.png"
        Image.fromarray((pixels * 255 / 16).round().astype(np.uint8)).save(folder / "images" / name)
        rows.append((name, str(digit)))
    order = np.random.default_rng(0).permutation(len(rows))
    test = set(order[: int(TEST_SHARE * len(rows))].tolist())
    for file, chosen in (("labels.csv", set(range(len(rows))) - test), ("test.csv", test)):
        with (folder / file).open("w", newline="") as sink:
            writer = csv.writer(sink)
            writer.writerow(("sample_id", "label"))
            writer.writerows(rows[number] for number in sorted(chosen))


if __name__ == "__main__":
    try:
        typer.run(main)
    except LabelcycleError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
