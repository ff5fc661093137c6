"""What was found, as a table and in words."""

from collections.abc import Sequence

from tests.system.reproducible.outcome import Difference


def violations(differences: Sequence[Difference]) -> list[str]:
    """What differs and must not."""
    lines = []
    for one in differences:
        if one.exact and not (one.same_ids and one.same_bytes):
            what = f"{len(one.objects)} objects differ" if one.same_ids else f"other ids from cycle {one.first}"
            lines.append(f"{one.course} under {one.circumstances}: {what}, such as {', '.join(one.objects[:3])}")
    return lines


def summary(differences: Sequence[Difference]) -> str:
    """Counts."""
    exact = [one for one in differences if one.exact]
    ids = sum(one.same_ids for one in differences)
    return (
        f"{len(differences)} campaigns compared with their reference: {ids} asked for the same ids, "
        f"{sum(one.same_bytes for one in differences)} committed the same bytes; "
        f"{len(violations(exact))} of {len(exact)} that must be the same are not"
    )


def table(differences: Sequence[Difference]) -> str:
    """A row for each campaign."""
    lines = [
        f"{'recipe':34} {'what varied':26} {'ids':4} {'bytes':6} {'figures':>9} {'weights':>9} {'features':>8} first",
    ]
    for one in differences:
        ids = "same" if one.same_ids else f"{one.asked_otherwise:.0%}"
        lines.append(
            f"{one.course:34} {one.circumstances:26} {ids:4} {'same' if one.same_bytes else 'other':6} "
            f"{one.figures:9.1e} {one.weights:9.1e} {one.features:8d} {'' if one.first is None else one.first}"
        )
    return "\n".join(lines)
