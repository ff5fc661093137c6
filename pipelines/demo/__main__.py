"""`make demo`: the default recipe against random picks and PEAL's baseline on handwritten digits, then a campaign."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError
from labelcycle.components.core.exit_codes import INTERRUPTED, exit_code_of
from labelcycle.pipelines.demo.campaign import run_campaign
from labelcycle.pipelines.demo.comparison import Sizes, compare
from labelcycle.pipelines.demo.digits import write_digits

CAMPAIGN_CYCLES = 3
WIDTH = 100
INTRODUCTION = """\
1,797 handwritten digits: 1,258 to choose from, 539 to measure on. Nothing is downloaded.
The features are their 8 × 8 pixels, which serve better here than the small backbone that labelcycle ships.
  uherding      the default recipe
  random        the same classifier on random picks, up to more labels
  linear_probe  PEAL's own baseline: entropy, and a linear classifier on frozen features. PEAL's adapters are for
                vision transformers and images, so they cannot be trained on pixels
"""


def main(arguments: Sequence[str] | None = None, sizes: Sizes | None = None, cycles: int = CAMPAIGN_CYCLES) -> int:
    """The command. An error ends in one message with a remedy, and in an exit code of its own.

    Args:
        arguments: of the command line; None for the process's own.
        sizes: how much is compared; None for the usual.
        cycles: trained cycles of the campaign.
    """
    parser = argparse.ArgumentParser(prog="make demo", description="Active learning on handwritten digits.")
    parser.add_argument("folder", type=Path, help="where the demo keeps its data and results")
    folder = parser.parse_args(arguments).folder.absolute()
    try:
        show(folder, sizes or Sizes(), cycles)
    except KeyboardInterrupt:
        print("\nstopped; what is done is kept, and the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except (LabelcycleError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        print(f"run the same command again; or, to begin afresh, first: rm -r {folder}", file=sys.stderr)
        return exit_code_of(error)
    return 0


def show(folder: Path, sizes: Sizes, cycles: int) -> None:
    """Run the demo in `folder`; what is done already is kept.

    Raises:
        ConfigurationError: the folder cannot be made or written to.
        LabelcycleError: an arm or the campaign failed.

    Cost: about a minute on two cores, most of it the campaign.
    """
    make_usable(folder)
    digits, pixels = folder / "digits", folder / "digits" / "pixels.npz"
    write_digits(digits)
    print(INTRODUCTION, flush=True)
    found = compare(str(folder / "comparison"), str(pixels), sizes, lambda line: print(line, flush=True))

    from labelcycle.pipelines.demo.results import NOTE, curves_of, table_of, verdict

    Console(width=WIDTH).print(table_of(found))
    print(f"{NOTE}\n\n{verdict(found)}\n")
    curves = folder / "curves.png"
    curves.write_bytes(curves_of(found))
    print("A campaign as anybody runs one, on the same features:", flush=True)
    finished = run_campaign(folder / "campaign", pixels, sizes.batch * cycles, sizes.batch, folder / "mlflow.db")
    arm = found.default
    print(
        f"The campaign has {finished.accuracy:.4f} with {finished.labels} labels; seed 0 of the comparison had "
        f"{arm.accuracy[0][arm.labels.index(finished.labels)]:.4f}.\n"
    )
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
