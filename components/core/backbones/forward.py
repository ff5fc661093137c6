"""A batch through a network: pixels → the float16 features that campaigns keep, measure and predict with."""

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.backbones.build import autocast, device, normalise
from labelcycle.components.core.campaign.campaign import Backbone


@torch.inference_mode()
def forward(model: torch.nn.Module, pixels: npt.NDArray[np.uint8], backbone: Backbone) -> npt.NDArray[np.float16]:
    """uint8 images (B, 3, H, W) → float16 features (B, d)."""
    images = normalise(torch.from_numpy(pixels).to(device()), backbone.transform)
    with autocast(backbone):
        features: npt.NDArray[np.float16] = model(images).half().cpu().numpy()
    return features
