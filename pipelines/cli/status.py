"""`labelcycle status`: where a campaign stands."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from labelcycle.components.core.state import State, read_state
from labelcycle.components.core.storage import open_store


def status(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Show the campaign's cycles: labels, accuracy, the next query, and what the last query was worth."""
    state = read_state(open_store(root))
    if as_json:
        print(json.dumps(status_facts(state, root), indent=2))
    else:
        _print_table(state)


def status_facts(state: State, root: str) -> dict[str, Any]:
    """The status as plain values.

    `state` is `new` (no query yet), `labelling` (the last query has to be answered) or `done`. `cycles` lists the
    cycles that trained a model to choose with; the first query of all, chosen without a model, is under `cold_start`,
    and the model of `labelcycle finalize` under `final`.
    """
    campaign = state.campaign
    cold = next((summary for summary in state.summaries if summary.accuracy is None), None)
    return {
        "campaign": campaign.identifier,
        "root": root,
        "recipe": campaign.recipe.name,
        "strategy": campaign.recipe.selector.strategy,
        "state": state.phase,
        "why_done": state.why_done if state.phase == "done" else None,
        "budget": campaign.budget,
        "batch": campaign.batch,
        "labels": state.summaries[-1].labels if state.summaries else 0,
        "awaited": state.summaries[-1].query_size if state.phase == "labelling" else 0,
        "cold_start": None if cold is None else {"cycle": cold.cycle, "query_size": cold.query_size},
        "cycles": [asdict(summary) for summary in state.trained],
        "final": None if state.final is None else asdict(state.final),
    }


def _print_table(state: State) -> None:
    from rich.console import Console
    from rich.table import Table

    campaign = state.campaign
    table = Table(title=f"{campaign.identifier} · {campaign.recipe.name} · {state.phase}")
    for heading in ("cycle", "labels", "accuracy", "macro F1", "ECE", "query", "unknown:known", "space"):
        table.add_column(heading, justify="right")
    for summary in state.summaries:
        ratio = f"{summary.unknown}:{summary.known}" if summary.known or summary.unknown else ""
        figures = [summary.accuracy, summary.macro_f1, summary.ece]
        shown = ["–" if figure is None else f"{figure:.4f}" for figure in figures]
        table.add_row(
            f"{summary.cycle} (final)" if summary.final else str(summary.cycle),
            str(summary.labels),
            *shown,
            str(summary.query_size),
            ratio,
            summary.space or "–",
        )
    console = Console(width=None)
    console.print(table)
    spent = state.summaries[-1].answers if state.summaries else 0
    console.print(f"{spent} of {campaign.budget} labels of the budget are used.")
    if state.phase == "done":
        console.print(f"done: {state.why_done}")
