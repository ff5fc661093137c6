"""Registers the packaged vision transformer with timm, under the name `labelcycle_vit_tiny_patch8_64`.

After `import labelcycle.components.core.backbones.embedded.model` the call
`timm.create_model("labelcycle_vit_tiny_patch8_64", pretrained=True)` reads the weights that lie beside this file.
"""

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn

from labelcycle.components.core.backbones.packaged import PACKAGED, WEIGHTS_FILE

MODEL_NAME = PACKAGED

# timm's register_model looks this name up in the module.
default_cfgs = generate_default_cfgs(
    {
        f"{MODEL_NAME}.distilled": {
            "file": str(WEIGHTS_FILE),
            "license": "apache-2.0",
            "input_size": (3, 64, 64),
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


def labelcycle_vit_tiny_patch8_64(pretrained: bool = False, **options: Any) -> Any:
    """Build the vision transformer: 64x64 pixels, patches of 8x8, width 192, 4 blocks, 3 heads, no classifier.

    Args:
        pretrained: Load the packaged weights (strictly, unless a classifier is asked for).
        options: Further arguments of timm's `VisionTransformer`; they win over those of this architecture.

    Returns:
        A `timm.models.VisionTransformer` of 1,829,568 parameters that maps float images (N, 3, 64, 64), scaled with
        mean = std = 0.5, to float features (N, 192): the class token after the last normalisation.
    """
    architecture = {"img_size": 64, "patch_size": 8, "embed_dim": 192, "depth": 4, "num_heads": 3}
    return build_model_with_cfg(
        VisionTransformer,
        MODEL_NAME,
        pretrained,
        pretrained_filter_fn=checkpoint_filter_fn,
        feature_cfg={"out_indices": 3, "feature_cls": "getter"},
        **(architecture | options),
    )


register_model(labelcycle_vit_tiny_patch8_64)
