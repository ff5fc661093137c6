"""`labelcycle prune`: what a campaign's root holds that nothing needs any more."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.components.core.storage import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from labelcycle.pipelines.pruning.prunable import Prunable


def prune(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete what is listed; without it nothing is.")] = False,
    keep_spaces: Annotated[
        int, typer.Option(min=0, help="Of how many of the last trained cycles to keep the features.")
    ] = 1,
    older_than: Annotated[
        float, typer.Option(min=0, help="Hours: what was written within them is kept, as a run may be at work on it.")
    ] = 24,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """List what no commit needs, with sizes, and delete it with --yes.

    That is old feature spaces, attempts that lost, checkpoints of trainings that ended, and writes that were never
    finished. Commits, what they name, votes, queries, timings and the cycle under way are never touched. Nor are the
    features of the backbone as it comes, of the champion and of the final model. Only `labelcycle replay` of old cycles
    misses features that were pruned. On S3 this needs the right to delete, which stages do not have.
    """
    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.runtime.observation import Progress
    from labelcycle.components.core.storage.deletion import open_deleter
    from labelcycle.pipelines.pruning.prunable import plan_pruning
    from labelcycle.pipelines.pruning.prune import prune as delete

    store, deleter = open_store(root), open_deleter(root)
    plan = plan_pruning(store, deleter, read_state(store), keep_spaces, older_than)
    if yes and plan:
        with Progress("deleted", sum(len(entry.objects) for entry in plan), "object") as progress:
            delete(store, deleter, plan, progress.advance)
    if as_json:
        print(json.dumps(pruning_facts(plan, deleted=yes), indent=2))
    else:
        from rich.console import Console

        print_plan(Console(file=sys.stdout), plan, deleted=yes)


def pruning_facts(plan: "Sequence[Prunable]", deleted: bool) -> dict[str, object]:
    """The plan as plain values."""
    return {
        "deleted": deleted,
        "objects": sum(len(entry.objects) for entry in plan),
        "bytes": sum(entry.size for entry in plan),
        "entries": [
            {
                "kind": entry.kind,
                "place": entry.place,
                "why": entry.why,
                "objects": len(entry.objects),
                "bytes": entry.size,
            }
            for entry in plan
        ],
    }


def print_plan(console: "Console", plan: "Sequence[Prunable]", deleted: bool) -> None:
    """Print what goes, why, and how much it is."""
    if not plan:
        console.print("nothing to prune")
        return
    from rich.filesize import decimal
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "where", "size", "why", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for entry in plan:
        table.add_row(entry.kind, escape(entry.place), decimal(entry.size), escape(entry.why))
    console.print(table)
    objects, size = sum(len(entry.objects) for entry in plan), decimal(sum(entry.size for entry in plan))
    end = "deleted" if deleted else "may be deleted: run the same command with --yes"
    console.print(f"{objects} objects, {size}, {end}", soft_wrap=True)
