"""`labelcycle verify`: whether everything under a campaign's root is as it was written."""

import json
import sys
from typing import Annotated

import typer


def verify(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    images: Annotated[
        bool, typer.Option("--images", help="Read every image too, and compare it with its digest.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Check a whole campaign: digests, the chain of cycles, queries, features and promotions. Changes nothing.

    Damaged, missing, foreign and inconsistent objects are named, each with its remedy, and the exit code is then 1.
    """
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.verification.verify import verify_campaign

    result = verify_campaign(open_store(root), images)
    from rich.console import Console

    from labelcycle.pipelines.verification.printed import print_verification, verification_facts

    if as_json:
        print(json.dumps(verification_facts(result), indent=2))
    else:
        print_verification(Console(file=sys.stdout), result)
    if result.faults:
        raise typer.Exit(1)
