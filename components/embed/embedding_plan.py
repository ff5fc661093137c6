"""What has to be embedded: which feature space, which samples, and whether there is anything to do at all."""

from dataclasses import dataclass

import pyarrow.compute as pc

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone, load_pool
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.features.spaces import BackboneProvenance, FeatureSpace, backbone_provenance
from labelcycle.components.core.models.tuned_backbone import previous_backbone, trained_backbone

TARGETS = ("base", "tuned", "texts")


@dataclass(frozen=True)
class Sample:
    """An image that belongs to a feature space."""

    uri: str
    sha256: str


@dataclass(frozen=True)
class EmbeddingPlan:
    """The samples that a feature space must hold for this cycle, none where nothing needs it, and what makes them.

    `backbone` and `provenance` are None where the campaign has embeddings only; there are no samples then either.
    """

    space: str
    provenance: BackboneProvenance | None
    backbone: Backbone | None
    adapter: bool
    samples: dict[str, Sample]


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
        return EmbeddingPlan(space, None, None, False, {})
    backbone = trained_backbone(campaign.backbone, training) if training else campaign.backbone
    needed = target == "tuned" or _reads_base_features(attempt)
    return EmbeddingPlan(
        space=space,
        provenance=backbone_provenance(backbone, adapter_sha256),
        backbone=backbone,
        adapter=adapter_sha256 is not None,
        samples=_samples(attempt) if needed else {},
    )


def set_aside(space: FeatureSpace, samples: dict[str, Sample]) -> set[str]:
    """Ids among `samples` that were found unreadable, and have no features from a later try either."""
    quarantined = samples.keys() & {row["sample_id"] for row in space.quarantined()}
    return quarantined - space.ids() if quarantined else quarantined


def missing_rows(space: FeatureSpace, samples: dict[str, Sample], allowed_unreadable: float) -> set[str]:
    """Ids among `samples` that have no features yet and were not set aside.

    Where more were set aside than allowed they are missing again: the user was asked to restore them.

    Args:
        space: the feature space.
        samples: what it must hold.
        allowed_unreadable: how many samples may be set aside.
    """
    unreadable = set_aside(space, samples)
    missing = samples.keys() - space.ids()
    return missing if len(unreadable) > allowed_unreadable else missing - unreadable


def _reads_base_features(attempt: Attempt) -> bool:
    recipe = attempt.campaign.recipe
    if attempt.decision.action == "finalize" or (recipe.alignment is not None and previous_backbone(attempt)):
        return False
    return recipe.uses_base_features


def _samples(attempt: Attempt) -> dict[str, Sample]:
    pool = load_pool(attempt.store, attempt.campaign)
    if attempt.decision.query_size == 0:
        pool = pool.filter(pc.not_equal(pool["split"], "pool"))
    columns = (pool[name].to_pylist() for name in ("sample_id", "uri", "sha256"))
    return {sample_id: Sample(uri, sha256) for sample_id, uri, sha256 in zip(*columns, strict=True)}
