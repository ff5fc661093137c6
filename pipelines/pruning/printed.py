"""What may be or was deleted, as text for people and as plain values for machines."""

from collections.abc import Sequence

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from labelcycle.pipelines.pruning.plan import Prunable


def pruning_facts(plan: Sequence[Prunable], deleted: bool) -> dict[str, object]:
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


def print_plan(console: Console, plan: Sequence[Prunable], deleted: bool) -> None:
    """Print what goes, why, and how much it is."""
    if not plan:
        console.print("nothing to prune")
        return
    table = Table("what", "where", "size", "why", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for entry in plan:
        table.add_row(entry.kind, escape(entry.place), decimal(entry.size), escape(entry.why))
    console.print(table)
    objects, size = sum(len(entry.objects) for entry in plan), decimal(sum(entry.size for entry in plan))
    end = "deleted" if deleted else "may be deleted: run the same command with --yes"
    console.print(f"{objects} objects, {size}, {end}", soft_wrap=True)
