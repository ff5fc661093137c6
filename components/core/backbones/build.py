"""Backbones of a campaign, rebuilt from the weights that the campaign keeps."""

from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load as load_tensors

from labelcycle.components.core.backbones.bfloat16 import tell_slow_precision
from labelcycle.components.core.backbones.embedded import model as embedded_model
from labelcycle.components.core.backbones.pooling import with_pooling
from labelcycle.components.core.campaign import Backbone
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.objects import read_object
from labelcycle.components.core.storage import Store

EMBEDDED = embedded_model.MODEL_NAME


def device() -> torch.device:
    """The accelerator where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(backbone: Backbone) -> torch.autocast:
    """The precision that the campaign computes in: bfloat16 products where it asks for them, float32 elsewhere."""
    return torch.autocast(device().type, dtype=torch.bfloat16, enabled=backbone.precision == "bfloat16")


def create(name: str, image_size: int | None = None, **arguments: Any) -> torch.nn.Module:
    """A timm model without its classifier: images (B, 3, H, W) → features (B, d).

    Args:
        name: a timm model name, with or without the tag of its weights.
        image_size: pixels a side, for networks that are built for a size; convolutional networks take any.
        arguments: handed to timm.

    Raises:
        ConfigurationError: timm knows no model or weights of this name, or refuses the image size.
    """
    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"*{name.split('.')[0].split('_')[0]}*")[:5])
        raise ConfigurationError(
            f"timm has no model {name!r}." + (f" Similar names: {close}." if close else " See timm.list_models().")
        )
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
            raise ConfigurationError(
                f"timm has no weights of the name {name!r}: {error} Correct --backbone."
            ) from error
        raise


def build_backbone(store: Store, backbone: Backbone) -> torch.nn.Module:
    """The campaign's backbone with its pooling, in evaluation mode, on the available device.

    Images (B, 3, H, W) → features (B, backbone.width).

    Raises:
        CampaignError: the stored weights are missing, changed or do not fit.
    """
    tell_slow_precision(backbone)
    model = with_pooling(create(backbone.name, backbone.transform.image_size), backbone.pooling)
    try:
        model.load_state_dict(load_tensors(read_object(store, backbone.weights)), strict=True)
    except RuntimeError as error:
        raise CampaignError(f"The stored weights do not fit backbone {backbone.name!r}: {error}") from error
    return model.eval().to(device())


def attach_adapter(model: torch.nn.Module, folder: Path) -> torch.nn.Module:
    """The model with the LoRA adapter in `folder` (peft's safetensors and JSON) merged into its weights."""
    from peft import PeftModel

    adapted: Any = PeftModel.from_pretrained(model, str(folder))
    result: torch.nn.Module = adapted.merge_and_unload().eval()
    return result
