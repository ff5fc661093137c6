"""What trials came to, as a table for people and as JSON for machines."""

from collections import Counter
from typing import Any

from tests.harness.chaos.trial import Outcome

COLUMNS = ("store", "campaign", "trials", "kills", "resumes", "lost", "differing", "missed", "seconds", "killed in")


def totals(outcomes: list[Outcome]) -> dict[str, Any]:
    """The counts of all trials together."""
    return {
        "trials": len(outcomes),
        "kills": sum(len(one.plans) for one in outcomes),
        "resumes": sum(one.resumes for one in outcomes),
        "lost": sum(one.lost for one in outcomes),
        "differing": sum(len(one.differing) for one in outcomes),
        "missed": sum(len(one.missed) for one in outcomes),
        "seconds": round(sum(one.seconds for one in outcomes), 1),
        "killed_in": dict(_killed_in(outcomes)),
    }


def table(outcomes: list[Outcome]) -> str:
    """A line for each store and campaign, and one for all."""
    rows = [COLUMNS]
    for store, name in sorted({(one.store, one.workload) for one in outcomes}):
        rows.append(_row(store, name, [one for one in outcomes if (one.store, one.workload) == (store, name)]))
    rows.append(_row("all", "", outcomes))
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS) - 1)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows)


def losses(outcomes: list[Outcome]) -> list[str]:
    """What happened to each campaign that was lost, and how to have it again."""
    return [
        f"lost: {one.workload} on {one.store}, seed {one.seed}, killed {one.plans} in {one.killed_in}: "
        f"{one.problems or ''} {one.differing or ''}".rstrip()
        for one in outcomes
        if one.lost
    ]


def _row(store: str, name: str, outcomes: list[Outcome]) -> tuple[str, ...]:
    sums = totals(outcomes)
    stages = ", ".join(f"{stage} {count}" for stage, count in sums.pop("killed_in").items())
    return (store, name, *(str(value) for value in sums.values()), stages)


def _killed_in(outcomes: list[Outcome]) -> list[tuple[str, int]]:
    return Counter(stage for one in outcomes for stage in one.killed_in).most_common()
