"""Registers with timm the vision transformer of the frozen roots on images: so small that its tuned weights fit here.

It stands for a network that a user registers. Never change it: roots hold weights of exactly these shapes.
"""

from typing import Any

import torch
from safetensors.torch import save
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn

NAME = "labelcycle_frozen_vit"

# timm's register_model looks this name up in the module.
default_cfgs = generate_default_cfgs(
    {
        f"{NAME}.random": {
            "input_size": (3, 16, 16),
            "fixed_input_size": True,
            "interpolation": "bicubic",
            "crop_pct": 1.0,
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "num_classes": 0,
            "pool_size": None,
            "first_conv": "patch_embed.proj",
            "classifier": "head",
        }
    }
)


def labelcycle_frozen_vit(pretrained: bool = False, **options: Any) -> Any:
    """16x16 pixels, patches of 8x8, width 16, 2 blocks, 2 heads."""
    architecture = {"img_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
    return build_model_with_cfg(
        VisionTransformer,
        NAME,
        pretrained,
        pretrained_filter_fn=checkpoint_filter_fn,
        feature_cfg={"out_indices": 3, "feature_cls": "getter"},
        **(architecture | options),
    )


register_model(labelcycle_frozen_vit)


def random_weights() -> bytes:
    """Weights to begin with, as a safetensors file."""
    torch.manual_seed(0)
    model = labelcycle_frozen_vit(num_classes=0)
    return save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})
