"""Backbones of a campaign, rebuilt from the weights that it keeps, with input transform, precision and threads."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
from PIL import Image
from safetensors.torch import load as load_tensors
from timm.data import create_transform

from labelcycle.components.core.backbones.embedded import model as embedded_model
from labelcycle.components.core.backbones.pooling import with_pooling
from labelcycle.components.core.backbones.presets import near_preset
from labelcycle.components.core.backbones.weights_that_do_not_fit import misfit_in_words
from labelcycle.components.core.campaign.campaign import Backbone, Transform
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import read_object

INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""What multiplies bfloat16 numbers, by torch's names: two sets of x86, two of Arm."""


def tell_slow_precision(backbone: Backbone) -> None:
    """Warn, once per process, that a backbone in bfloat16 is slower here than one in float32.

    `torch.ops.mkldnn._is_mkldnn_bf16_supported` does not answer this: it is true of any processor with AVX-512, where
    oneDNN converts every number.
    """
    if backbone.precision == "bfloat16" and not torch.cuda.is_available() and not processor_multiplies_bfloat16():
        _warn()


def processor_multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16 numbers."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in INSTRUCTIONS)


@cache
def _warn() -> None:
    notice(
        "This campaign computes in bfloat16, but there is no GPU and the processor has no instructions for it, so that "
        "networks take several times as long as in float32. Run it on another machine, or start a campaign with "
        "--precision float32."
    )


EMBEDDED = embedded_model.MODEL_NAME


def device() -> torch.device:
    """The accelerator where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(backbone: Backbone) -> torch.autocast:
    """The precision that the campaign computes in: bfloat16 products where it asks for them, float32 elsewhere."""
    return torch.autocast(device().type, dtype=torch.bfloat16, enabled=backbone.precision == "bfloat16")


def refuse_unknown(name: str) -> None:
    """Refuse a name that is none of timm's.

    Raises:
        ConfigurationError: with names that are like it.
    """
    if timm.is_model(name):
        return
    meant = near_preset(name)
    close = ", ".join(timm.list_models(f"*{name.split('.')[0].split('_')[0]}*")[:5])
    names = f" Similar names: {close}." if close else " See labelcycle backbones, and timm.list_models()."
    raise ConfigurationError(f"timm has no model {name!r}.{meant or names}")


def create(name: str, image_size: int | None = None, **arguments: Any) -> torch.nn.Module:
    """A timm model without its classifier: images (B, 3, H, W) → features (B, d).

    Args:
        name: a timm model name, with or without the tag of its weights.
        image_size: pixels a side, for networks that are built for a size; convolutional networks take any.
        arguments: handed to timm.

    Raises:
        ConfigurationError: timm knows no model or weights of this name, or refuses the image size.
    """
    refuse_unknown(name)
    sized = {} if image_size is None else {"img_size": image_size}
    try:
        model: torch.nn.Module = timm.create_model(name, num_classes=0, **sized, **arguments)
        return model
    except (TypeError, AssertionError) as error:
        if sized and "unexpected keyword argument 'img_size'" in str(error):
            return create(name, **arguments)
        raise ConfigurationError(f"Backbone {name!r} cannot take images of {image_size} pixels: {error}") from error
    except RuntimeError as error:
        if "Invalid pretrained tag" in str(error):
            raise ConfigurationError(f"timm has no weights named {name!r}: {error} Correct --backbone.") from error
        raise


def build_backbone(store: Store, backbone: Backbone) -> torch.nn.Module:
    """The campaign's backbone with its pooling, in evaluation mode, on the available device.

    Images (B, 3, H, W) → features (B, backbone.width).

    Raises:
        CampaignError: the stored weights are missing, changed or do not fit.
    """
    return backbone_with_weights(backbone, read_object(store, backbone.weights))


def backbone_with_weights(backbone: Backbone, weights: bytes) -> torch.nn.Module:
    """The same network with weights that were read already, as safetensors.

    Raises:
        CampaignError: they do not fit.
    """
    tell_slow_precision(backbone)
    model = with_pooling(create(backbone.name, backbone.transform.image_size), backbone.pooling)
    try:
        model.load_state_dict(load_tensors(weights), strict=True)
    except RuntimeError as error:
        raise CampaignError(
            f"The stored weights do not fit backbone {backbone.name!r}. {misfit_in_words(error)}"
        ) from error
    return model.eval().to(device())


def attach_adapter(model: torch.nn.Module, folder: Path) -> torch.nn.Module:
    """The model with the LoRA adapter in `folder` (peft's safetensors and JSON) merged into its weights."""
    from peft import PeftModel

    adapted: Any = PeftModel.from_pretrained(model, str(folder))
    result: torch.nn.Module = adapted.merge_and_unload().eval()
    return result


def pixel_transform(transform: Transform) -> Callable[[Image.Image], npt.NDArray[np.uint8]]:
    """Resize and crop: an RGB image → uint8 array, shape (3, image_size, image_size)."""
    steps: Any = create_transform(
        input_size=(3, transform.image_size, transform.image_size),
        interpolation=transform.interpolation,
        crop_pct=transform.crop_share,
        crop_mode=transform.crop_mode,
        use_prefetcher=True,
    )
    return lambda image: np.asarray(steps(image))


def normalise(pixels: torch.Tensor, transform: Transform) -> torch.Tensor:
    """uint8 pixels (B, 3, H, W) → float32 with the backbone's mean and standard deviation removed."""
    mean = torch.tensor(transform.mean, device=pixels.device).view(1, 3, 1, 1) * 255
    std = torch.tensor(transform.std, device=pixels.device).view(1, 3, 1, 1) * 255
    return (pixels.float() - mean) / std
