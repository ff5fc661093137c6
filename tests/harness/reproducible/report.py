"""What was found, as a table and in words."""

from collections.abc import Sequence

from tests.harness.reproducible.outcome import Difference

PLACES = 256
"""How far features may be apart under `tolerance`, in float16 numbers."""

ASKED_OTHERWISE = 0.25
"""The share of all queries that may be other samples under `tolerance`: small numbers decide between near equals."""


def violations(differences: Sequence[Difference]) -> list[str]:
    """What differs and must not."""
    return [line for one in differences for line in _violations(one)]


def _violations(one: Difference) -> list[str]:
    where = f"{one.course} under {one.circumstances}"
    if one.promise == "bytes" and not one.same_bytes:
        return [f"{where}: {len(one.objects)} objects differ, such as {', '.join(one.objects[:3])}"]
    if one.promise in ("bytes", "numbers") and not one.same_numbers:
        return [f"{where}: other ids or numbers from cycle {one.first}"]
    if one.promise == "tolerance" and (one.features > PLACES or one.asked_otherwise > ASKED_OTHERWISE):
        return [f"{where}: features {one.features} places apart, {one.asked_otherwise:.0%} of the queries otherwise"]
    return []


def summary(differences: Sequence[Difference]) -> str:
    """Counts."""
    exact = [one for one in differences if one.promise != "tolerance"]
    ids = sum(one.same_ids for one in differences)
    return (
        f"{len(differences)} campaigns compared with their reference: {ids} asked for the same ids, "
        f"{sum(one.same_bytes for one in differences)} committed the same bytes; "
        f"{len(violations(exact))} of {len(exact)} that must be the same are not"
    )


def table(differences: Sequence[Difference]) -> str:
    """A row for each campaign."""
    return "\n".join([HEADER, *map(row, differences)])


HEADER = f"{'recipe':30} {'what varied':26} {'ids':4} {'bytes':6} {'figures':>9} {'weights':>9} {'features':>8} first"


def row(one: Difference) -> str:
    """One campaign: share of ids that are others, largest differences, and the first cycle with any."""
    ids = "same" if one.same_ids else f"{one.asked_otherwise:.0%}"
    return (
        f"{one.course:30} {one.circumstances:26} {ids:4} {'same' if one.same_bytes else 'other':6} "
        f"{one.figures:9.1e} {one.weights:9.1e} {one.features:8d} {'' if one.first is None else one.first}"
    )
