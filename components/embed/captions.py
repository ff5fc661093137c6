"""Captions → a space of text features, by sample id like those of images. Equal captions are encoded once."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.config.embedding import TextEncoder, text_provenance
from labelcycle.components.core.features.provenance import space_name
from labelcycle.components.core.features.space_index import Holding
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.core.storage.objects import read_object

PART = 16_384
"""Samples a part of the space."""


@dataclass(frozen=True)
class CaptionsEmbedded:
    """The space, the rows added to it, and those that were there already."""

    space: str
    embedded: int
    kept: int


def embed_captions(work: Attempt, encoder: TextEncoder) -> CaptionsEmbedded:
    """Make sure that every sample of the pool that has a caption has its features.

    Args:
        work: the attempt.
        encoder: the campaign's.

    Cost: a forward pass a distinct caption, once for the whole campaign.
    """
    provenance = text_provenance(encoder, work.campaign.pool.sha256)
    space = FeatureSpace(work.store, space_name(provenance))
    listing, pool = space.listing(), work.campaign.pool.sha256
    held = listing.holding(pool, "captions")
    if held is not None:
        return CaptionsEmbedded(space.name, 0, held.samples)
    table = load_pool(work.store, work.campaign)
    table = table.filter(pc.and_(pc.equal(table["split"], "pool"), pc.is_valid(table["caption"])))
    there = space.ids(listing)
    missing = table.filter(pc.invert(pc.is_in(table["sample_id"], value_set=pa.array(sorted(there), pa.string()))))
    if missing.num_rows:
        space.describe(provenance)
        _encode(work, encoder, space, missing["sample_id"].to_pylist(), missing["caption"].to_pylist())
        listing = space.listing()
    if table.num_rows:
        space.index_all(listing, Holding(pool=pool, scope="captions", samples=table.num_rows))
    return CaptionsEmbedded(space.name, missing.num_rows, table.num_rows - missing.num_rows)


def _encode(work: Attempt, encoder: TextEncoder, space: FeatureSpace, ids: list[str], captions: list[str]) -> None:
    from labelcycle.components.embed.caption_model import BATCH, CaptionModel

    distinct = sorted(set(captions))
    with tempfile.TemporaryDirectory() as folder, Progress("embed captions", len(distinct), "caption") as progress:
        for name, reference in encoder.files.items():
            (Path(folder) / name).write_bytes(read_object(work.store, reference))
        model = CaptionModel(Path(folder))
        pieces = []
        for start in range(0, len(distinct), BATCH):
            pieces.append(model(distinct[start : start + BATCH]))
            progress.advance(len(pieces[-1]))
    features = np.concatenate(pieces)
    row = {caption: number for number, caption in enumerate(distinct)}
    rows = np.array([row[caption] for caption in captions])
    for start in range(0, len(ids), PART):
        space.add(ids[start : start + PART], features[rows[start : start + PART]])
