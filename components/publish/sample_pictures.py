"""Pictures of single samples in the report: label suspects, and what the model confuses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.publish.query_thumbnails import read_thumbnails, thumbnail_uri

MOST_SUSPECTS = 12
"""Label suspects that have a picture, the worst first."""

MOST_BYTES = 400_000
"""Of all these pictures in a report together."""


@dataclass(frozen=True)
class SamplePicture:
    """A thumbnail as a data URI, or why there is none."""

    image: str
    problem: str = ""


def pictured_samples(metrics: CycleMetrics) -> list[str]:
    """The samples that the report shows a picture of, apart from the query: pairs first, each sample once.

    Of the label suspects these are the ones that a calibrated model is sure of.
    """
    pairs = [name for pair in metrics.confused or [] for name in (pair.sample_id, pair.like) if name is not None]
    rows = [] if metrics.label_suspects is None else metrics.label_suspects.rows
    sure = [row.sample_id for row in rows if row.is_sure][:MOST_SUSPECTS]
    return list(dict.fromkeys([*pairs, *sure]))


def sample_pictures(
    ids: Iterable[str], uris: Mapping[str, str | None], most_bytes: int = MOST_BYTES
) -> dict[str, SamplePicture]:
    """Pictures by id; none at all where no sample has an image file, as with embeddings.

    Args:
        ids: samples, the most important first.
        uris: where each sample's image is; None or absent where it has none.
        most_bytes: of all pictures together; samples after that have none.

    Raises:
        TransientError: S3 does not answer.

    Cost: reads each image.
    """
    thumbnails = read_thumbnails(ids, uris)
    if not any(thumbnail.has_file for thumbnail in thumbnails.values()):
        return {}
    pictures, left = {}, most_bytes
    for sample_id, thumbnail in thumbnails.items():
        if thumbnail.picture is None:
            pictures[sample_id] = SamplePicture("", thumbnail.problem)
            continue
        uri = thumbnail_uri(thumbnail.picture)
        left -= len(uri)
        shown = left >= 0
        pictures[sample_id] = SamplePicture(uri if shown else "", "" if shown else "left out to keep the page small")
    return pictures
