"""Zero-shot start: what an image-text backbone knows of the classes by their names, kept before there is a label."""

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.backbones.packaged import PACKAGED
from labelcycle.components.core.backbones.presets import Preset, image_text_presets, preset_of, preset_of_network
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.recipe_files import changed_recipe
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.config.zero_shot import ZeroShot
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.models.text_classifier import TextClassifier, read_text_classifier
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, read_object
from labelcycle.components.select.registry import registered
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings

if TYPE_CHECKING:
    from labelcycle.components.core.backbones.text_tower import ImageHalf

PROMPT = "a photo of a {class}."
PLACE = "{class}"
FOLDER = "weights/text"

COLD_START = {"cold_start.strategy": "kmeans", "cold_start.parameters": {"probabilities": 0.5}}
"""What asks first, unless the user says: centroids of regions that are alike by features and by names."""

FIRST_LAYER = "patch_embed.proj.weight"
HALF_PRECISION = 1e-2
"""How far first layers may lie apart, as a share of their size, where one of them was rounded to 16 bits."""


def with_zero_shot(settings: CampaignSettings, recipe: Recipe) -> Recipe:
    """The recipe that begins from the names of the classes, where the user asks for that.

    Raises:
        ConfigurationError: settings that have no effect without it, or that it cannot be honoured with.
    """
    if not settings.zero_shot:
        given = [name for name in ("text_tower", "prompts") if getattr(settings, name)]
        if given:
            raise ConfigurationError(
                f"--{given[0].replace('_', '-')} is about the names of classes, which are read with --zero-shot alone. "
                "Give that too, or leave it out."
            )
        if isinstance(recipe.trainer, LogisticTrainer) and recipe.trainer.text_labels != LogisticTrainer().text_labels:
            raise ConfigurationError("trainer.text_labels has no effect without --zero-shot. Give that too.")
        return recipe
    if recipe.data_selection is not None:
        raise ConfigurationError(
            f"Recipe {recipe.name!r} selects training data whose labels are all known, so there is nothing to begin "
            "with. Leave --zero-shot out."
        )
    if settings.embeddings is not None:
        raise ConfigurationError(
            "--zero-shot compares images with the names of classes through a backbone; embeddings have none. Begin "
            "with --images and an image-text backbone."
        )
    for prompt in settings.prompts:
        if PLACE not in prompt:
            raise ConfigurationError(f"--prompts {prompt!r} has no {PLACE}, where the class goes. Add it.")
    _refuse_without_text(settings)
    by_hand = any(name.split(".")[0] == "cold_start" for name in settings.recipe_changes)
    if not by_hand and not recipe.cold_start.single_shot:
        recipe = changed_recipe(recipe, COLD_START)
    first, trainer = recipe.cold_start, recipe.trainer
    chooses = "probs" in registered(first.strategy).reads_with(first.arguments)
    if isinstance(trainer, LogisticTrainer) and trainer.text_labels > 0:
        return recipe
    if not chooses:
        raise ConfigurationError(
            f"Recipe {recipe.name!r} reads the names of classes nowhere: cold_start.strategy {first.strategy!r} does "
            f"not look at them, nor does trainer {trainer.name!r}. Leave --zero-shot out, or choose another recipe, "
            "such as uherding."
        )
    notice(
        f"Recipe {recipe.name!r} trains {trainer.name} without the names of the classes: they choose the first query "
        "alone. The trainer logistic learns from them too (trainer.text_labels)."
    )
    return recipe


def zero_shot_of(
    store: Store, settings: CampaignSettings, backbone: Backbone | None, classes: Sequence[str]
) -> ZeroShot | None:
    """Keep the network of text and the texts of the classes in the store; None where nobody asks for them.

    Raises:
        ConfigurationError: the backbone is none of image and text, its text is another's, or files are missing.
        TransientError: the hub cannot be reached.

    Cost: memory for both halves of the model once; a forward pass of text a class and prompt.
    """
    if not settings.zero_shot:
        return None
    assert backbone is not None
    preset = _preset_of(settings.backbone or PACKAGED)
    from labelcycle.components.core.backbones.text_tower import TextTower, lay_out, read_configuration

    folder = Path(settings.text_tower).expanduser() if settings.text_tower else _fetched(preset)
    configuration = read_configuration(folder, preset.text if preset else "")
    _refuse_other_activation(backbone, configuration)
    prompts = list(settings.prompts) or [PROMPT]
    with tempfile.TemporaryDirectory() as laid:
        half = lay_out(folder, configuration, Path(laid))
        _refuse_another_network(store, backbone, half)
        projection = _of_features(backbone, half)
        texts = TextTower(Path(laid)).of_classes(classes, prompts)
        files = {path.name: _keep(store, path) for path in sorted(Path(laid).iterdir())}
    classifier = TextClassifier(projection, half.offset, texts, np.array([half.scale], np.float32))
    return ZeroShot(
        model=preset.text if preset else folder.name,
        files=files,
        prompts=prompts,
        classes=list(classes),
        classifier=_kept(store, classifier.to_bytes()),
    )


def with_texts_of(store: Store, zero_shot: ZeroShot, classes: Sequence[str]) -> ZeroShot:
    """The same with the texts of other classes, by the network of text that the campaign keeps: no hub is asked.

    Raises:
        ConfigurationError: open_clip is not installed.
        CampaignError: a file is missing or was changed.
    """
    from labelcycle.components.core.backbones.text_tower import TextTower

    with tempfile.TemporaryDirectory() as laid:
        for name, reference in zero_shot.files.items():
            (Path(laid) / name).write_bytes(read_object(store, reference))
        texts = TextTower(Path(laid)).of_classes(classes, zero_shot.prompts)
    before = read_text_classifier(store, zero_shot)
    made = TextClassifier(before.projection, before.offset, texts, before.scale)
    return zero_shot.model_copy(update={"classes": list(classes), "classifier": _kept(store, made.to_bytes())})


def _preset_of(name: str) -> Preset | None:
    """The preset with a text that is called so, or whose network is."""
    found = preset_of(name) or preset_of_network(name)
    return found if found is not None and found.text else None


def _refuse_without_text(settings: CampaignSettings) -> None:
    """Refuse, before images are read and weights fetched, what no text will be found for."""
    name = settings.backbone or PACKAGED
    if settings.text_tower is not None and not Path(settings.text_tower).expanduser().is_dir():
        raise ConfigurationError(f"There is no folder {settings.text_tower!r}. Correct --text-tower.")
    if settings.text_tower is None and _preset_of(name) is None:
        names = ", ".join(known.name for known in image_text_presets())
        raise ConfigurationError(
            f"--zero-shot needs a backbone that was trained with text; of {name!r} no text is known. Choose one of "
            f"{names}, or name the folder of its open_clip model with --text-tower."
        )
    if find_spec("open_clip") is None:
        raise ConfigurationError("--zero-shot needs open_clip, which is not installed. Install labelcycle[zero-shot].")


def _refuse_other_activation(backbone: Backbone, configuration: dict[str, Any]) -> None:
    quick = bool(configuration.get("quick_gelu", False))
    if "_clip_" in backbone.name and quick != ("_quickgelu_" in backbone.name):
        kind = "with" if quick else "without"
        raise ConfigurationError(
            f"The text was trained {kind} QuickGELU, backbone {backbone.name!r} is the other kind. Name timm's network "
            f"{kind} quickgelu in its name, or a preset: labelcycle backbones."
        )


def _refuse_another_network(store: Store, backbone: Backbone, half: "ImageHalf") -> None:
    """Refuse a text whose own half of images begins with other weights. A plan writes no weights to compare with."""
    if not store.exists(backbone.weights.key):
        return
    from safetensors.torch import load

    ours = load(read_object(store, backbone.weights)).get(FIRST_LAYER)
    theirs = half.patches
    if ours is not None and ours.shape == theirs.shape:
        apart = float((ours.float() - theirs).norm() / theirs.norm().clamp(min=1e-12))
        if apart <= HALF_PRECISION:
            return
    raise ConfigurationError(
        f"The text was trained with another network than backbone {backbone.name!r}: their first layers differ. Give "
        "--weights and --text-tower of one model."
    )


def _of_features(backbone: Backbone, half: "ImageHalf") -> npt.NDArray[np.float32]:
    """The projection of the campaign's features, (d, t): 0 for those that the text was not trained with.

    Raises:
        ConfigurationError: the features lack what it was trained with.
    """
    width, joined = len(half.projection), backbone.pooling == "cls_mean"
    fits = backbone.pooling == "network" or (backbone.pooling in ("cls", "cls_mean") and half.of_class_token)
    if not fits or backbone.width != width * (2 if joined else 1):
        raise ConfigurationError(
            f"embedding.pooling {backbone.pooling!r} (width {backbone.width}) leaves out what backbone "
            f"{backbone.name!r} compares with text (width {width}). Set embedding.pooling to network."
        )
    if not joined:
        return half.projection
    return np.concatenate([half.projection, np.zeros_like(half.projection)])


def _fetched(preset: Preset | None) -> Path:
    assert preset is not None
    from huggingface_hub import snapshot_download

    from labelcycle.components.core.backbones.model_hub import contact_hub
    from labelcycle.components.core.backbones.text_tower import BOTH_HALVES, CONFIGURATION, TOKENIZER

    notice(f"The text of {preset.name} comes from the model hub, if this machine has not fetched it before.")
    try:
        contact_hub(preset.text_weights, BOTH_HALVES)
        return Path(snapshot_download(preset.text_weights, allow_patterns=[CONFIGURATION, BOTH_HALVES, *TOKENIZER]))
    except Exception as error:  # the hub client raises many kinds, from several libraries
        raise TransientError(
            f"Cannot fetch the text of {preset.name!r} from the model hub: {str(error).rstrip('.')}. Fetch it on "
            f"another machine with `{preset.fetch_text}`, name the folder with --text-tower, or try again."
        ) from error


def _keep(store: Store, file: Path) -> ObjectReference:
    return _kept(store, file.read_bytes(), file.suffix)


def _kept(store: Store, data: bytes, suffix: str = ".safetensors") -> ObjectReference:
    digest = digest_of_bytes(data)
    reference = ObjectReference(key=f"{FOLDER}/{digest}{suffix}", sha256=digest)
    if not store.exists(reference.key):
        store.write(reference.key, data)
    return reference
