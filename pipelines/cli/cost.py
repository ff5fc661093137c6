"""`labelcycle cost`: what a campaign has cost, and what it saved."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from labelcycle.components.core.errors import ConfigurationError


def cost(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    against: Annotated[
        str | None,
        typer.Option(help="Root of a campaign that asked at random, with the same classes and test set."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw accuracy over cost to this PNG file.")] = None,
) -> None:
    """Show what each cycle cost: labels, seconds of computing by what they were spent on, and both at their prices.

    Prices are those of `labelcycle init`: --label-price, --annotators-per-label, --price-cpu-hour, --price-gpu-hour.
    With --against it also shows how many random labels the same accuracy would have taken, the share of labels saved,
    and what random would have cost; ≥ and ≤ mark bounds where random never has that accuracy. The campaign may be
    running.

    Example: labelcycle cost campaigns/entropy --against campaigns/random --plot cost.png
    """
    from labelcycle.pipelines.cost.account import account_of, as_facts, compare

    if plot is not None and plot.suffix.lower() != ".png":
        raise ConfigurationError(f"--plot {plot} is not a PNG file. Give it a name that ends with .png.")
    comparison = None if against is None else compare(root, against)
    account = account_of(root) if comparison is None else comparison.account
    if plot is not None:
        from labelcycle.pipelines.cost.cost_plot import draw_costs

        plot.parent.mkdir(parents=True, exist_ok=True)
        plot.write_bytes(draw_costs(account, None if comparison is None else comparison.random))
        print(f"plot: {plot}", file=sys.stderr)
    if as_json:
        print(json.dumps(as_facts(account, comparison), indent=2))
        return
    from rich.console import Console

    from labelcycle.pipelines.cost.table import as_tables, notes

    console = Console(width=None)
    for table in as_tables(account, comparison is not None, console.width):
        console.print(table)
    for line in notes(account, comparison):
        console.print(line, highlight=False)
