"""What became of the images of a source once all were looked at: told, or refused where too many are no good."""

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.images.inspection import Inspected
from labelcycle.pipelines.initialise.reading import Reading, kind_of


def refuse_too_many(inspected: Inspected, max_unreadable_share: float, source: str) -> None:
    """Refuse a source of which more images are set aside than allowed.

    Raises:
        InputError: so it is; the first is named.
    """
    count = len(inspected.quarantined) + len(inspected.uris)
    if len(inspected.quarantined) > max_unreadable_share * count:
        first = inspected.quarantined[0]
        raise InputError(
            f"{len(inspected.quarantined)} of {count} images in {source} cannot be read, more than the allowed "
            f"share of {max_unreadable_share:.0%}; first {first['sample_id']!r}: {first['reason']}. "
            "Replace them, or allow more with --max-unreadable."
        )


def reading_of(inspected: Inspected, source: str, remarks: list[str], passed_over: str) -> Reading:
    """What became of a source's images, copies of others among the remarks."""
    reading = Reading(source, read=len(inspected.uris), remarks=[*remarks], passed_over=passed_over)
    if inspected.quarantined:
        reading.set_aside.update(kind_of(row["reason"]) for row in inspected.quarantined)
        first = inspected.quarantined[0]
        reading.first_aside = f"{first['sample_id']!r}" + inspected.place_of_first
    if copies := copies_in(inspected.digests):
        name, original = next(iter(copies.items()))
        reading.remarks.append(
            f"{len(copies):,} of {len(inspected.digests):,} images are copies of others, first {name!r} of "
            f"{original!r}, each a sample of its own"
        )
    return reading


def copies_in(digests: dict[str, str]) -> dict[str, str]:
    """The first sample with the same content, by id, of each that is a copy."""
    first: dict[str, str] = {}
    return {name: first[digest] for name, digest in digests.items() if first.setdefault(digest, name) != name}
