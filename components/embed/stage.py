"""The embed stage: make sure that a feature space holds every sample that this cycle needs."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.map_coordinates import has_map_coordinates, keep_map_coordinates
from labelcycle.components.core.features.space_index import Holding, SpaceContents
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.runtime.observation import Progress, notice, observed
from labelcycle.components.embed.captions import embed_captions
from labelcycle.components.embed.embedding_plan import (
    TARGETS,
    EmbeddingPlan,
    Sample,
    chunks_to_embed,
    missing_rows,
    plan_embedding,
    samples_of,
    set_aside,
)


@dataclass(frozen=True)
class Embedded(Facts, rows="embedded"):
    """What the stage did: rows computed, rows that were there already, images set aside."""

    space: str
    embedded: int
    kept: int
    unreadable: int


@observed
def run(
    root: str, cycle: int, attempt: str, target: str, shard: int = 0, shards: int = 1, batch_size: int = 64
) -> Embedded:
    """Embed the samples of this shard that the feature space lacks.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the cycle, from 0.
        attempt: the attempt's name, from label_ingest.
        target: `base` for the backbone as it comes, `tuned` for what this cycle's training made of it.
            With `base` go features of captions, where the campaign has a text encoder; `texts` makes these alone.
        shard: which part of the work, from 0.
        shards: how many parts there are; the features are the same for any number.
        batch_size: images a forward pass.

    Raises:
        ConfigurationError: unknown target.
        InputError: more images are unreadable than the campaign allows.

    Cost: one forward pass an image. Memory for the network and a few batches, whatever the pool's size.
    """
    if target not in TARGETS:
        raise ConfigurationError(f"There is no target {target!r}. Choose one of: {', '.join(TARGETS)}.")
    work = open_attempt(root, cycle, attempt)
    encoder = work.campaign.text_encoder
    if encoder is not None and target != "tuned" and shard == 0:
        captions = embed_captions(work, encoder)
        if target == "texts":
            return Embedded(captions.space, captions.embedded, captions.kept, 0)
    if target == "texts":
        return Embedded("", 0, 0, 0)
    return _embed(work, plan_embedding(work, target), shard, shards, batch_size)


def _embed(work: Attempt, plan: EmbeddingPlan, shard: int, shards: int, batch_size: int) -> Embedded:
    space = FeatureSpace(work.store, plan.space)
    if plan.scope is None:
        if plan.backbone is None and shard == 0:
            _index_imported(work, plan, space)
        return Embedded(plan.space, 0, 0, 0)
    listing, pool = space.listing(), work.campaign.pool.sha256
    held = listing.holding(pool, plan.scope)
    if held is not None:
        if shard == 0:
            _place_on_map(work, plan, listing)
        return Embedded(plan.space, 0, held.samples, 0)
    samples = samples_of(work, plan)
    allowed = work.campaign.max_unreadable_share * len(samples)
    missing = missing_rows(space, samples.keys(), allowed, listing)
    chunks = list(chunks_to_embed(samples, missing, shard, shards))
    embedded, unreadable = _embed_chunks(work, plan, space, samples, chunks, batch_size) if chunks else (0, 0)
    if missing:
        if shards > 1:
            space.index_added()  # before looking for those of the others: the last shard to look sees all of them
        listing = space.listing()
    if not missing or (space.knows(listing) and not missing_rows(space, samples.keys(), allowed, listing)):
        space.index_all(listing, Holding(pool=pool, scope=plan.scope, samples=len(samples)))
        _place_on_map(work, plan, space.listing())
    return Embedded(plan.space, embedded, len(samples) - len(missing), unreadable)


def _index_imported(work: Attempt, plan: EmbeddingPlan, space: FeatureSpace) -> None:
    """Imported features are placed on the map, and those of an earlier version indexed, when a cycle first comes by."""
    listing = space.listing()
    if listing.unknown:
        space.index_all(listing)
        listing = space.listing()
    _place_on_map(work, plan, listing)


def _place_on_map(work: Attempt, plan: EmbeddingPlan, listing: SpaceContents) -> None:
    """Keep the coordinates that the map of the report has of a space that holds the pool, unless they are there."""
    if plan.scope != "held_out" and listing.parts and not has_map_coordinates(plan.space, listing):
        keep_map_coordinates(work.store, plan.space, listing)


def _embed_chunks(
    work: Attempt,
    plan: EmbeddingPlan,
    space: FeatureSpace,
    samples: dict[str, Sample],
    chunks: list[list[str]],
    batch_size: int,
) -> tuple[int, int]:
    """Embed chunk after chunk: every core reads, decodes and embeds batches of its own, while one thread writes."""
    from labelcycle.components.core.backbones.build import pixel_transform
    from labelcycle.components.core.backbones.one_core import one_core_a_batch
    from labelcycle.components.core.runtime.work_ahead import work_ahead
    from labelcycle.components.embed.embedding_network import forward, load_network
    from labelcycle.components.embed.read_images import Batch, read_batch

    assert plan.backbone is not None and plan.provenance is not None
    backbone = plan.backbone
    model = load_network(work, backbone, plan.adapter)
    space.describe(plan.provenance)
    cut = [[chunk[start : start + batch_size] for start in range(0, len(chunk), batch_size)] for chunk in chunks]
    to_pixels = pixel_transform(backbone.transform)

    def embed_batch(ids: list[str]) -> tuple[Batch, npt.NDArray[np.float16] | None]:
        batch = read_batch(samples, ids, to_pixels)
        return batch, forward(model, batch.pixels, backbone) if batch.ids else None

    embedded, unreadable = 0, list[dict[str, str]]()
    progress = Progress("embed", sum(map(len, chunks)), "image")
    with one_core_a_batch(), progress, ThreadPoolExecutor(1) as writer:
        results = work_ahead((piece for pieces in cut for piece in pieces), embed_batch)
        written: Future[None] | None = None
        for pieces in cut:
            ids: list[str] = []
            features: list[npt.NDArray[np.float16]] = []
            bad: list[dict[str, str]] = []
            for piece in pieces:
                batch, rows = next(results)
                if rows is not None:
                    features.append(rows)
                ids += batch.ids
                bad += batch.unreadable
                progress.advance(len(piece))
            if written is not None:
                written.result()
            written = writer.submit(_write_chunk, space, ids, features, bad)
            embedded += len(ids)
            unreadable += bad
            _refuse_too_many(unreadable, len(samples), work.campaign.max_unreadable_share)
        if written is not None:
            written.result()
    if unreadable:
        listing = space.listing()
        aside = set_aside(space, samples.keys(), space.ids(listing), listing)
        in_all = [row for row in space.quarantined(listing) if row["sample_id"] in aside]
        _refuse_too_many(in_all, len(samples), work.campaign.max_unreadable_share)
        where = work.store.locate(f"spaces/{space.name}")
        notice(f"{len(unreadable)} images {_what_is_wrong(unreadable)} and were set aside: {where}")
    return embedded, len(unreadable)


def _write_chunk(
    space: FeatureSpace, ids: list[str], features: list[npt.NDArray[np.float16]], unreadable: list[dict[str, str]]
) -> None:
    if ids:
        space.add(ids, np.concatenate(features))
    if unreadable:
        space.quarantine(unreadable)


def _refuse_too_many(unreadable: list[dict[str, str]], samples: int, allowed_share: float) -> None:
    if len(unreadable) > allowed_share * samples:
        first = unreadable[0]
        raise InputError(
            f"{len(unreadable)} of {samples} images {_what_is_wrong(unreadable)}, more than the allowed share of "
            f"{allowed_share:.0%}; first {first['sample_id']!r}: {first['reason']}. Put them back as they were, or "
            "begin another campaign: on the images as they are now, or with a larger --max-unreadable."
        )


def _what_is_wrong(unreadable: list[dict[str, str]]) -> str:
    from labelcycle.components.core.images.decode import CHANGED

    changed = sum(CHANGED in row["reason"] for row in unreadable)
    return "have changed" if changed == len(unreadable) else "cannot be read" + (" or have changed" if changed else "")
