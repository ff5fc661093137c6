"""The features that a campaign begins with: those of a backbone, or embeddings that the user has."""

from labelcycle.components.core.backbones.packaged import PACKAGED, packaged_backbone
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.spaces import (
    FeatureSpace,
    backbone_provenance,
    imported_provenance,
    space_name,
)
from labelcycle.components.core.runtime.observation import Progress, notice
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.initialise.samples import Samples
from labelcycle.pipelines.initialise.settings import CampaignSettings

IMPORT_ROWS = 16_384

TRYING_OUT = (
    "The packaged backbone is for trying things out and costs accuracy on photographs. Name a better "
    "one, such as --backbone vit_small_patch14_reg4_dinov2 --image-size 224."
)


def base_features(
    store: Store, settings: CampaignSettings, recipe: Recipe, samples: Samples
) -> tuple[Backbone | None, str]:
    """The backbone and the name of its feature space; given embeddings are written into theirs."""
    if samples.features is not None:
        provenance = imported_provenance(samples.source_sha256, samples.scale)
        space = FeatureSpace(store, space_name(provenance))
        space.describe(provenance)
        ids = list(samples.uris)
        with Progress("import embeddings", len(ids), "sample") as progress:
            for start in range(0, len(ids), IMPORT_ROWS):
                space.add(ids[start : start + IMPORT_ROWS], samples.features[start : start + IMPORT_ROWS])
                progress.advance(min(IMPORT_ROWS, len(ids) - start))
        return None, space.name
    name, pooling = settings.backbone or PACKAGED, recipe.embedding.pooling
    if name == PACKAGED:
        notice(TRYING_OUT)
    changed = (settings.image_size, settings.interpolation, settings.crop_share, settings.mean, settings.std)
    if name == PACKAGED and settings.weights is None and all(value is None for value in changed):
        backbone = packaged_backbone(store, settings.precision, pooling)
    else:
        from labelcycle.components.core.backbones.resolve import TransformOverrides, resolve_backbone

        backbone = resolve_backbone(
            store, name, settings.weights, TransformOverrides(*changed), settings.precision, pooling
        )
    if isinstance(recipe.trainer, LoraTrainer):
        _check_layers(backbone, recipe.trainer)
    return backbone, space_name(backbone_provenance(backbone, None))


def _check_layers(backbone: Backbone, trainer: LoraTrainer) -> None:
    """Refuse a backbone without the layers that the adapter is for.

    Raises:
        ConfigurationError: it has none of them, or fewer blocks than are asked for.
    """
    from labelcycle.components.core.backbones.resolve import has_layers

    if not has_layers(backbone, trainer.target):
        raise ConfigurationError(
            f"Backbone {backbone.name!r} has no linear layer named {trainer.target!r} for the adapter. "
            "Choose a vision transformer, or name its layers with --set trainer.target=NAME."
        )
    if trainer.blocks != "all":
        from labelcycle.components.core.backbones.build import create
        from labelcycle.components.train_adapter.adapters import first_block

        first_block(create(backbone.name, backbone.transform.image_size), trainer)
