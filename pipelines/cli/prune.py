"""`labelcycle prune`: what a campaign's root holds that nothing needs any more."""

import json
import sys
from typing import Annotated

import typer

from labelcycle.components.core.storage import open_store


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
    from rich.console import Console

    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.runtime.observation import Progress
    from labelcycle.components.core.storage.deletion import open_deleter
    from labelcycle.pipelines.pruning.plan import plan_pruning
    from labelcycle.pipelines.pruning.printed import print_plan, pruning_facts
    from labelcycle.pipelines.pruning.prune import prune as delete

    store, deleter = open_store(root), open_deleter(root)
    plan = plan_pruning(store, deleter, read_state(store), keep_spaces, older_than)
    if yes and plan:
        with Progress("deleted", sum(len(entry.objects) for entry in plan), "object") as progress:
            delete(store, deleter, plan, progress.advance)
    if as_json:
        print(json.dumps(pruning_facts(plan, deleted=yes), indent=2))
    else:
        print_plan(Console(file=sys.stdout), plan, deleted=yes)
