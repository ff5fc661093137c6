"""What has to be embedded: which feature space, which samples, and whether there is anything to do at all."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import pyarrow.compute as pc

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.campaign.pool_ids import write_pool_ids
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.features.ordering import chunks_of_shard
from labelcycle.components.core.features.provenance import BackboneProvenance, backbone_provenance
from labelcycle.components.core.features.space_index import SpaceContents
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.tuned_backbone import previous_backbone, trained_backbone

TARGETS = ("base", "tuned", "texts")


@dataclass(frozen=True)
class Sample:
    """An image that belongs to a feature space."""

    uri: str
    sha256: str
    in_pool: bool = True


@dataclass(frozen=True)
class EmbeddingPlan:
    """What a feature space must hold for this cycle, and what makes it.

    `backbone` and `provenance` are None where the campaign has embeddings only. `scope` says which samples of the pool
    are needed: None where nothing needs any, or they were imported.
    """

    space: str
    provenance: BackboneProvenance | None
    backbone: Backbone | None
    adapter: bool
    scope: Literal["all", "held_out"] | None


def plan_embedding(attempt: Attempt, target: str) -> EmbeddingPlan:
    """Decide what `target` needs.

    `base` is the backbone as it comes; `tuned` is the backbone that this cycle's training made, under its adapter, and
    the same as `base` for trainers that leave the backbone alone. The last cycle asks for no more labels, so only its
    test set is embedded. Nothing reads base features once a recipe's alignment has tuned a backbone, nor for the final
    model.
    """
    campaign = attempt.campaign
    training = attempt.read_record("training.json", TrainingFacts) if target == "tuned" else None
    space = training.space if training else campaign.base_space
    adapter_sha256 = training.adapter_sha256 if training else None
    if campaign.backbone is None:
        return EmbeddingPlan(space, None, None, False, None)
    backbone = trained_backbone(campaign.backbone, training) if training else campaign.backbone
    needed = target == "tuned" or _reads_base_features(attempt)
    scope: Literal["all", "held_out"] = "held_out" if attempt.decision.query_size == 0 else "all"
    return EmbeddingPlan(
        space=space,
        provenance=backbone_provenance(backbone, adapter_sha256),
        backbone=backbone,
        adapter=adapter_sha256 is not None,
        scope=scope if needed else None,
    )


def samples_of(attempt: Attempt, plan: EmbeddingPlan) -> dict[str, Sample]:
    """The samples that the plan's space must hold, by id in the order of ids."""
    if plan.scope is None:
        return {}
    pool = load_pool(attempt.store, attempt.campaign)
    write_pool_ids(attempt.store, attempt.campaign.pool.sha256, pool)
    if plan.scope == "held_out":
        pool = pool.filter(pc.not_equal(pool["split"], "pool"))
    columns = (pool[name].to_pylist() for name in ("sample_id", "uri", "sha256", "split"))
    rows = zip(*columns, strict=True)
    return {sample_id: Sample(uri, sha256, split == "pool") for sample_id, uri, sha256, split in rows}


def chunks_to_embed(samples: dict[str, Sample], missing: set[str], shard: int, shards: int) -> Iterator[list[str]]:
    """What is missing of each chunk of a shard, where something is.

    Samples outside the pool have chunks of their own, so that who reads the test set does not read the pool with it.
    """
    for in_pool in (False, True):
        ids = [sample_id for sample_id, sample in samples.items() if sample.in_pool == in_pool]
        for chunk in chunks_of_shard(ids, shard, shards):
            if wanted := [sample_id for sample_id in chunk if sample_id in missing]:
                yield wanted


def set_aside(space: FeatureSpace, samples: Collection[str], known: set[str], listing: SpaceContents) -> set[str]:
    """Ids among `samples` that were found unreadable, and have no features from a later try either.

    Args:
        space: the feature space.
        samples: ids of what it must hold.
        known: ids of all that it holds.
        listing: what it has.
    """
    return {row["sample_id"] for row in space.quarantined(listing)}.intersection(samples) - known


def missing_rows(space: FeatureSpace, samples: Collection[str], allowed: float, listing: SpaceContents) -> set[str]:
    """Ids among `samples` that have no features yet and were not set aside.

    Where more were set aside than allowed they are missing again: the user was asked to restore them.

    Args:
        space: the feature space.
        samples: ids of what it must hold.
        allowed: how many samples may be set aside.
        listing: what the space has.
    """
    known = space.ids(listing)
    unreadable = set_aside(space, samples, known, listing)
    missing = {sample_id for sample_id in samples if sample_id not in known}
    return missing if len(unreadable) > allowed else missing - unreadable


def _reads_base_features(attempt: Attempt) -> bool:
    recipe = attempt.campaign.recipe
    if attempt.decision.action == "finalize" or (recipe.alignment is not None and previous_backbone(attempt)):
        return False
    return recipe.uses_base_features
