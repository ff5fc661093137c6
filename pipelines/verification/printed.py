"""A verification as text for people and as plain values for machines."""

from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from labelcycle.pipelines.verification.verify import Verification


def verification_facts(result: Verification) -> dict[str, object]:
    """The result as plain values; `sound` says whether nothing is wrong."""
    return {**asdict(result), "sound": not result.faults}


def print_verification(console: Console, result: Verification) -> None:
    """Print what was looked at and what was found, the faults first."""
    objects, cycles = sum(result.objects.values()), result.cycles
    images = f", {result.images} images" if result.images else ""
    console.print(
        f"{escape(result.campaign or result.root)}: {cycles} cycles, {objects} objects, {result.bytes_read:,} bytes"
        f"{images}",
        soft_wrap=True,
    )
    findings = sorted(result.findings, key=lambda finding: not finding.is_fault)
    if findings:
        table = Table("what", "where", "and what to do", box=None, pad_edge=False)
        for finding in findings:
            table.add_row(finding.kind, escape(finding.place), escape(finding.message))
        console.print(table)
    console.print("sound" if not result.faults else f"{len(result.faults)} faults")
