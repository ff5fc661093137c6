"""`labelcycle status`: where a campaign stands."""

import json
import sys
from typing import Annotated

import typer

from labelcycle.components.core.storage import open_store


def status(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay, and show what changes, until Ctrl-C; with --json a line a change.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 10,
) -> None:
    """Show where the campaign stands: its cycles, budget and costs, what to do next, and who is awaited.

    `change` is that of the accuracy. `unknown:known` says what a query was worth: how many of its samples the model
    that asked had wrong, and how many right. Costs are those of the committed cycles; `labelcycle cost`
    has the details.
    """
    from labelcycle.pipelines.dashboard.view import read_status, read_view, status_facts

    store = open_store(root)
    if watch:
        from labelcycle.pipelines.dashboard.watching import watch_campaign

        watch_campaign(store, root, every, as_json)
        return
    campaign_status = read_status(store, root)
    if as_json:
        print(json.dumps(status_facts(read_view(store, campaign_status)), indent=2))
        return
    from rich.console import Console

    from labelcycle.pipelines.dashboard.screen import print_people, print_status

    console = Console(file=sys.stdout)
    print_status(console, campaign_status)
    with console.status("looking for answers"):
        view = read_view(store, campaign_status)
    print_people(console, view)
