"""The features that a campaign begins with: those of a backbone, or embeddings that the user has."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.backbones.packaged import PACKAGED, packaged_backbone
from labelcycle.components.core.backbones.presets import preset_of
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.provenance import backbone_provenance, imported_provenance, space_name
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.runtime.observation import Progress, notice
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.samples import Samples

IMPORT_ROWS = 16_384

OF_BACKBONES = ("backbone", "weights", "image_size", "interpolation", "crop_share", "mean", "std", "crop_mode")

TRYING_OUT = (
    "The packaged backbone is for trying things out and costs accuracy on photographs. Name a better "
    "one, such as --backbone dinov2-small."
)


def refuse_missing_backbone(settings: CampaignSettings) -> None:
    """Refuse, before samples are read, a network that timm does not know, or weights that are not there.

    Embeddings pass through no network, so whoever names one with them expects what will not happen.

    Raises:
        ConfigurationError: with the remedy.
    """
    given = [name for name in OF_BACKBONES if getattr(settings, name) is not None]
    if settings.images is None and settings.embeddings is not None and given:
        raise ConfigurationError(
            f"--{given[0].replace('_', '-')} is about the network that images go through; embeddings go through none. "
            "Leave it out, or give --images."
        )
    name = settings.backbone or PACKAGED
    if settings.images is None or (name == PACKAGED and settings.weights is None):
        return
    from labelcycle.components.core.backbones.build import refuse_unknown
    from labelcycle.components.core.backbones.resolve import refuse_missing_weights

    preset = preset_of(name)
    refuse_unknown(name if preset is None else preset.network)
    if settings.weights is not None:
        refuse_missing_weights(settings.weights)


def base_features(
    store: Store, settings: CampaignSettings, recipe: Recipe, samples: Samples, splits: dict[str, str]
) -> tuple[Backbone | None, str]:
    """The backbone and the name of its feature space; given embeddings are written into theirs.

    A preset says what the user did not: the input, and which tokens a recipe's `network` or `auto` stands for.
    Samples outside the pool have parts of their own, so that who reads the test set does not read the pool with it.
    """
    if samples.features is not None:
        provenance = imported_provenance(samples.source_sha256, samples.scale)
        space = FeatureSpace(store, space_name(provenance))
        space.describe(provenance)
        import_features(space, list(samples.uris), samples.features, splits)
        return None, space.name
    name, pooling = settings.backbone or PACKAGED, recipe.embedding.pooling
    if name == PACKAGED:
        notice(TRYING_OUT)
    preset = preset_of(name)
    if preset is not None:
        name = preset.network
        if "embedding.pooling" not in settings.recipe_changes:
            pooling = preset.asked(pooling)
    changed = (
        settings.image_size,
        settings.interpolation,
        settings.crop_share,
        settings.mean,
        settings.std,
        settings.crop_mode,
    )
    if name == PACKAGED and settings.weights is None and all(value is None for value in changed):
        backbone = packaged_backbone(store, settings.precision, pooling)
    else:
        from labelcycle.components.core.backbones.resolve import TransformOverrides, resolve_backbone

        overrides = TransformOverrides(*changed)
        if preset is not None:
            overrides = overrides.over(preset)
        backbone = resolve_backbone(store, name, settings.weights, overrides, settings.precision, pooling)
    if isinstance(recipe.trainer, LoraTrainer):
        _check_layers(backbone, recipe.trainer)
    return backbone, space_name(backbone_provenance(backbone, None))


def _check_layers(backbone: Backbone, trainer: LoraTrainer) -> None:
    """Refuse a backbone without the layers that the adapter is for.

    Raises:
        ConfigurationError: it has none of them, or fewer blocks than are asked for.
    """
    from labelcycle.components.core.backbones.resolve import inner_layers

    if not inner_layers(backbone, trainer.target):
        there = ", ".join(inner_layers(backbone, ".*")) or "none within others"
        raise ConfigurationError(
            f"Backbone {backbone.name!r} has no linear layer named {trainer.target!r} for the adapter; it has {there}. "
            "Choose a vision transformer, or name its layers with --set trainer.target=NAME, a regular expression such "
            "as [qkv]_proj."
        )
    if trainer.blocks != "all":
        from labelcycle.components.core.backbones.build import create
        from labelcycle.components.train_adapter.adapters import first_block

        first_block(create(backbone.name, backbone.transform.image_size), trainer)


def import_features(
    space: FeatureSpace, ids: list[str], features: npt.NDArray[np.float16], splits: dict[str, str]
) -> None:
    """Add what the space lacks of these rows, and index it.

    Args:
        space: the feature space.
        ids: N sample ids, sorted.
        features: (N, d).
        splits: the split of each sample.
    """
    listing = space.listing()
    there = space.ids(listing)
    missing = [row for row, name in enumerate(ids) if name not in there]
    held_out = [row for row in missing if splits.get(ids[row], "pool") != "pool"]
    groups = [held_out, sorted(set(missing).difference(held_out))]
    with Progress("import embeddings", len(missing), "sample") as progress:
        for rows in groups:
            for start in range(0, len(rows), IMPORT_ROWS):
                part = rows[start : start + IMPORT_ROWS]
                space.add([ids[row] for row in part], features[part])
                progress.advance(len(part))
    if missing or listing.unknown:
        space.index_all(space.listing())
