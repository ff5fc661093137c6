"""`labelcycle batches`: how many training batches it took to reach an accuracy."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError

if TYPE_CHECKING:
    from labelcycle.pipelines.data_selection.batches_to_accuracy import BatchCurve

FIGURES = ("accuracy", "target_accuracy", "balanced_accuracy")


def batches(
    roots: Annotated[list[str], typer.Argument(help="Campaigns that select training data, to be compared.")],
    to: Annotated[str, typer.Option(help="Accuracies, comma-separated.")] = "0.5,0.6,0.7,0.8,0.9",
    figure: Annotated[
        str, typer.Option(help="accuracy; or target_accuracy, balanced_accuracy where one class is told from the rest.")
    ] = "accuracy",
    out: Annotated[Path | None, typer.Option(help="Write curves and counts to this JSON file too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Show how many training batches each campaign needed for given test accuracies (batches to accuracy, B2A).

    A count is that of the first point measured at which the accuracy was there; – where it never was.
    """
    from labelcycle.pipelines.data_selection.batches_to_accuracy import read_batch_curve

    if figure not in FIGURES:
        raise ConfigurationError(f"--figure {figure!r} is not one of {', '.join(FIGURES)}.")
    accuracies = _shares(to)
    curves = [read_batch_curve(root) for root in roots]
    for curve in curves:
        if curve.points and figure not in curve.points[0].figures:
            raise ConfigurationError(f"Campaign {curve.name!r} has no {figure}: its objective is not one_vs_rest.")
    facts = json.dumps([curve.as_facts(accuracies, figure) for curve in curves], indent=2)
    if out is not None:
        out.write_text(facts + "\n", encoding="utf-8")
    if as_json:
        print(facts)
    else:
        _print_table(curves, accuracies, figure)


def _shares(text: str) -> list[float]:
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigurationError(f"--to {text!r} is not a list of numbers, such as 0.8,0.9.") from error
    if not all(0 <= share <= 1 for share in shares):
        raise ConfigurationError(f"--to {text!r}: an accuracy is between 0 and 1.")
    return shares


def _print_table(curves: "list[BatchCurve]", accuracies: list[float], figure: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"training batches until the {figure.replace('_', ' ')} was reached")
    headings = ("campaign", "strategy", "loops", "a loop", "batches", "last", *(f"{share:g}" for share in accuracies))
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number < 2 else "right")
    for curve in curves:
        spent, last = (
            (str(curve.points[-1].batches), f"{curve.points[-1].figures[figure]:.4f}") if curve.points else ("0", "–")
        )
        counts = [curve.batches_to(share, figure) for share in accuracies]
        shown = ["–" if count is None else str(count) for count in counts]
        sizes = (str(curve.loops), str(curve.selected))
        table.add_row(curve.name, curve.strategy, *sizes, f"{spent}/{curve.total_batches}", last, *shown)
    Console(width=None).print(table)
