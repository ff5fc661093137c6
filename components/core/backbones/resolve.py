"""From what the user names (backbone, weights, overrides) to the exact backbone that a campaign keeps."""

import re
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import timm
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file as load_tensors
from safetensors.torch import save as save_tensors
from safetensors.torch import save_file

from labelcycle.components.core.backbones.build import EMBEDDED, create
from labelcycle.components.core.backbones.model_hub import WEIGHT_FILES, contact_hub
from labelcycle.components.core.backbones.pooling import settle_pooling, width_of, with_pooling
from labelcycle.components.core.backbones.presets import Preset, preset_of_network
from labelcycle.components.core.backbones.weights_that_do_not_fit import misfit_in_words
from labelcycle.components.core.campaign.campaign import Backbone, Precision, Transform
from labelcycle.components.core.config.embedding import AskedPooling
from labelcycle.components.core.config.recipe import describe
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference

EVERY_LAYER = {"num_classes": 0, "custom_load": False}
"""Makes timm refuse weights that lack a layer; else it goes on with random ones where the classifier differs."""


@dataclass(frozen=True)
class TransformOverrides:
    """What the user sets differently from the model's own configuration; None keeps the model's."""

    image_size: int | None = None
    interpolation: str | None = None
    crop_share: float | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    crop_mode: str | None = None

    def over(self, preset: Preset) -> Self:
        """What the user sets, and what the preset says about the rest but for the way of resizing."""
        mean, std = preset.colours
        own: dict[str, Any] = {
            "image_size": preset.image_size,
            "crop_share": preset.crop_share,
            "mean": mean,
            "std": std,
            "crop_mode": preset.crop_mode,
        }
        return replace(self, **{name: value for name, value in own.items() if getattr(self, name) is None})


def resolve_backbone(
    store: Store,
    name: str,
    weights: str | None,
    overrides: TransformOverrides,
    precision: Precision = "float32",
    pooling: AskedPooling = "network",
) -> Backbone:
    """Load a backbone once, keep its weights in the store, and describe it.

    Every later stage reads these bytes, so no pod needs the hub and all stages use the same network.

    Args:
        store: where the campaign lives.
        name: any timm model name whose model can be created without a classifier.
        weights: a safetensors file, an `s3://` URI of one, or None for timm's own (its hub, or the packaged ones).
        overrides: changes to the input transform.
        precision: what the campaign's forward and backward passes compute in.
        pooling: which tokens of the network become features.

    Raises:
        ConfigurationError: unknown model, unreadable or misfitting weights, refused transform, tokens that the
            network does not have.
        TransientError: the hub cannot be reached.
    """
    if overrides.image_size is not None and overrides.image_size < 8:
        raise ConfigurationError(f"Images must be 8 pixels or more to a side; got --image-size {overrides.image_size}.")
    model = _pretrained(name, weights, overrides.image_size).eval()
    transform = _transform(model, overrides)
    settled = settle_pooling(pooling, model, name, transform.image_size)
    model = with_pooling(model, settled)
    data = _bytes_of(model)
    reference = ObjectReference(key=f"weights/{digest_of_bytes(data)}.safetensors", sha256=digest_of_bytes(data))
    if not store.exists(reference.key):
        store.write(reference.key, data)
    return Backbone(
        name=name,
        weights=reference,
        transform=transform,
        width=width_of(model, settled),
        precision=precision,
        pooling=settled,
    )


def weights_as_kept(backbone: Backbone, weights: str) -> bytes:
    """The bytes that a campaign on this backbone would keep of a file: without classifier, sized for its images.

    Args:
        backbone: which network.
        weights: a safetensors file or an `s3://` URI of one, as it was given to `resolve_backbone`.

    Raises:
        ConfigurationError: no such file, or its weights do not fit.
    """
    return _bytes_of(with_pooling(_pretrained(backbone.name, weights, backbone.transform.image_size), backbone.pooling))


def _bytes_of(model: torch.nn.Module) -> bytes:
    return save_tensors({key: value.contiguous() for key, value in model.state_dict().items()})


def inner_layers(backbone: Backbone, ending: str) -> list[str]:
    """The last parts of the names of the network's linear layers within others that end so, each once, sorted.

    Args:
        backbone: which network.
        ending: a regular expression over what follows a dot, such as `qkv` or `[qkv]_proj`; `.*` for all.
    """
    model, wanted = create(backbone.name, backbone.transform.image_size), re.compile(rf".*\.(?:{ending})")
    names = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    return sorted({name.rpartition(".")[2] for name in names if wanted.fullmatch(name)})


def _pretrained(name: str, weights: str | None, image_size: int | None) -> torch.nn.Module:
    if weights is None:
        if name != EMBEDDED:
            notice(f"The weights of {name} come from the model hub, if this machine has not fetched them before.")
        try:
            _contact_hub_of(name)
            return create(name, image_size, pretrained=True)
        except ConfigurationError:
            raise
        except Exception as error:  # the hub client raises many kinds, from several libraries
            if "No pretrained weights exist" in str(error):
                raise ConfigurationError(
                    f"timm has no weights for backbone {name!r}. Give them with --weights."
                ) from error
            preset = preset_of_network(name)
            elsewhere = "" if preset is None else f"Fetch the file on another machine with `{preset.fetch}`. "
            raise TransientError(
                f"Cannot fetch the weights of {name!r} from the model hub: {str(error).rstrip('.')}. {elsewhere}"
                "Name a local file or s3:// URI with --weights, or try again."
            ) from error
    with tempfile.TemporaryDirectory() as folder:
        file = _local_weights(weights, Path(folder))
        try:
            bare = _without_classifier(name, file, Path(folder) / "bare.safetensors")
            return create(name, image_size, pretrained=True, pretrained_cfg_overlay=EVERY_LAYER | {"file": str(bare)})
        except (RuntimeError, KeyError, SafetensorError) as error:
            raise ConfigurationError(
                f"The weights {weights!r} do not fit backbone {name!r}. Correct --weights or --backbone, or fetch the "
                f"file again if it is cut short. {misfit_in_words(error)}"
            ) from error


def _contact_hub_of(name: str) -> None:
    """Find out quickly whether the hub can be reached, where timm has the weights from there."""
    try:
        settings = timm.get_pretrained_cfg(name)
    except RuntimeError:  # creating it says what is wrong with the name
        return
    if name != EMBEDDED and settings is not None and settings.hf_hub_id:
        contact_hub(settings.hf_hub_id, *WEIGHT_FILES)


def _without_classifier(name: str, file: Path, target: Path) -> Path:
    """A copy of the weights without the classifier that the network is created without."""
    settings = timm.get_pretrained_cfg(name)
    classifier = (settings and settings.classifier) or ()
    names = {classifier} if isinstance(classifier, str) else set(classifier)
    tensors = load_tensors(file)
    save_file({key: value for key, value in tensors.items() if key.rpartition(".")[0] not in names}, target)
    return target


def refuse_missing_weights(weights: str) -> None:
    """Refuse what can be no file of weights, without reading it.

    Raises:
        ConfigurationError: another format, or a file that is not there; objects in S3 are not looked for.
    """
    if not weights.endswith(".safetensors"):
        raise ConfigurationError(
            f"{weights!r} is not a .safetensors file; other formats can run code when loaded. Name such a file with "
            "--weights."
        )
    if not weights.startswith("s3://") and not Path(weights).expanduser().is_file():
        raise ConfigurationError(f"There is no file {weights!r}. Correct --weights.")


def _local_weights(weights: str, folder: Path) -> Path:
    refuse_missing_weights(weights)
    if weights.startswith("s3://"):
        parent, _, key = weights.rpartition("/")
        try:
            data = open_store(parent).read(key)
        except FileNotFoundError as error:
            raise ConfigurationError(f"There is no object {weights!r}. Correct --weights.") from error
        path = folder / "weights.safetensors"
        path.write_bytes(data)
        return path
    return Path(weights).expanduser()


def _transform(model: Any, overrides: TransformOverrides) -> Transform:
    from timm.data import resolve_model_data_config

    own = resolve_model_data_config(model)
    settings = {
        "image_size": own["input_size"][-1],
        "interpolation": own["interpolation"],
        "crop_share": own["crop_pct"],
        "mean": own["mean"],
        "std": own["std"],
        "crop_mode": "squash" if own["crop_mode"] == "squash" else "center",
    }
    settings |= {name: value for name, value in asdict(overrides).items() if value is not None}
    try:
        return Transform.model_validate(settings)
    except ValidationError as error:
        raise ConfigurationError(f"The input transform is invalid:\n{describe(error)}") from error
