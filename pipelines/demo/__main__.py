"""`make demo`: the default recipe against random picks and PEAL's baseline on handwritten digits, then a campaign."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError
from labelcycle.components.core.logging.failures import INTERRUPTED, exit_code_of
from labelcycle.pipelines.demo.comparison import Sizes, compare
from labelcycle.pipelines.demo.demo_campaign import run_campaign
from labelcycle.pipelines.demo.digits import write_digits
from labelcycle.pipelines.demo.on_images import RECIPES, curve_on_images, process_on_images
from labelcycle.pipelines.demo.results import NOTE, curves_of, table_of, table_on_images, verdict, verdict_on_images

WIDTH = 100
AGAIN = "run the same command again; or begin afresh, in another folder: make demo DEMO=another-folder"
INTRODUCTION = """\
1,797 handwritten digits: 1,258 to choose from, 539 to measure on. Nothing is downloaded.
The features are their 8 × 8 pixels, which serve better here than the small backbone that labelcycle ships.
  uherding      the default recipe
  random        the same classifier on random picks, up to more labels
  linear_probe  PEAL's own baseline: entropy, and a linear classifier on frozen features

PEAL trains adapters in a vision transformer, so it takes images, and far more computing. peal_entropy, as published,
runs beside this on the digits' images and the small backbone: once, and next to uherding on the same backbone.
"""


def main(arguments: Sequence[str] | None = None, sizes: Sizes | None = None) -> int:
    """The command. An error ends in one message with a remedy, and in an exit code of its own.

    Args:
        arguments: of the command line; None for the process's own.
        sizes: how much is compared; None for the usual.
    """
    parser = argparse.ArgumentParser(prog="make demo", description="Active learning on handwritten digits.")
    parser.add_argument("folder", type=Path, help="where the demo keeps its data and results")
    folder = parser.parse_args(arguments).folder.absolute()
    try:
        make_usable(folder)
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    try:
        show(folder, sizes or Sizes())
    except KeyboardInterrupt:
        print("\nstopped; what is done is kept, and the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except (LabelcycleError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        print(AGAIN, file=sys.stderr)
        return exit_code_of(error)
    return 0


def show(folder: Path, sizes: Sizes) -> None:
    """Run the demo in `folder`, which is there; what is done already is kept.

    Raises:
        LabelcycleError: an arm or a campaign failed.

    Cost: about two minutes of processor time; two processes share it, most of the time.
    """
    digits, pixels = folder / "digits", folder / "digits" / "pixels.npz"
    write_digits(digits)
    print(INTRODUCTION, flush=True)
    console = Console(width=WIDTH)
    with process_on_images(folder, sizes.image_batch * sizes.image_cycles, sizes.image_batch) as wait_for_images:
        found = compare(str(folder / "comparison"), str(pixels), sizes, lambda line: print(line, flush=True))
        console.print(table_of(found))
        print(f"{NOTE}\n\n{verdict(found)}\n", flush=True)
        curves = folder / "curves.png"
        curves.write_bytes(curves_of(found))
        print("A campaign as anybody runs one, on the same pixels:", flush=True)
        budget = sizes.batch * sizes.campaign_cycles
        finished = run_campaign(folder / "campaign", pixels, budget, sizes.batch, folder / "mlflow.db")
        print(f"This is seed 0 of the comparison, which had {found.default.at(finished.labels)[0]:.4f} there.\n")
        print("PEAL and the default recipe on the images, with the small backbone:", flush=True)
        wait_for_images()
    on_images = [curve_on_images(folder, recipe) for recipe in RECIPES]
    console.print(table_on_images(found.default, *on_images))
    print(f"{verdict_on_images(*on_images)}\n")
    print(f"curves: {curves}")
    print(f"report: {finished.report}")
    print(f"MLflow: {Path(sys.executable).parent / 'mlflow'} ui --backend-store-uri sqlite:///{folder / 'mlflow.db'}")


def make_usable(folder: Path) -> None:
    """Make the folder, and see that files can be written there.

    Raises:
        ConfigurationError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"The demo cannot write to {folder}: {os.strerror(error.errno or 0)}. Remove what is in the way, change "
            "its permissions, or name another folder: make demo DEMO=another-folder."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
