"""`labelcycle verify`: whether everything under a campaign's root is as it was written."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from labelcycle.pipelines.verification.verify import Verification


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
    if as_json:
        print(json.dumps(verification_facts(result), indent=2))
    else:
        from rich.console import Console

        print_verification(Console(file=sys.stdout), result)
    if result.faults:
        raise typer.Exit(1)


def verification_facts(result: "Verification") -> dict[str, object]:
    """The result as plain values; `sound` says whether nothing is wrong."""
    return {**asdict(result), "sound": not result.faults}


def print_verification(console: "Console", result: "Verification") -> None:
    """Print what was looked at and what was found, the faults first."""
    from rich.markup import escape
    from rich.table import Table

    objects, cycles = sum(result.objects.values()), result.cycles
    images = f", {result.images} images" if result.images else ""
    many = f"{cycles} cycle{'' if cycles == 1 else 's'}"
    console.print(
        f"{escape(result.campaign or result.root)}: {many}, {objects} objects, {result.bytes_read:,} bytes{images}",
        soft_wrap=True,
    )
    findings = sorted(result.findings, key=lambda finding: not finding.is_fault)
    if findings:
        table = Table("what", "where", "and what to do", box=None, pad_edge=False)
        for finding in findings:
            table.add_row(finding.kind, escape(finding.place), escape(finding.message))
        console.print(table)
    console.print("sound" if not result.faults else f"{len(result.faults)} faults")
