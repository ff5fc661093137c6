"""RGB images → the backbone's input tensors, by timm's own evaluation transform."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from timm.data import create_transform

from labelcycle.components.core.campaign import Transform


def pixel_transform(transform: Transform) -> Callable[[Image.Image], npt.NDArray[np.uint8]]:
    """Resize and crop: an RGB image → uint8 array, shape (3, image_size, image_size)."""
    steps: Any = create_transform(
        input_size=(3, transform.image_size, transform.image_size),
        interpolation=transform.interpolation,
        crop_pct=transform.crop_share,
        use_prefetcher=True,
    )
    return lambda image: np.asarray(steps(image))


def normalise(pixels: torch.Tensor, transform: Transform) -> torch.Tensor:
    """uint8 pixels (B, 3, H, W) → float32 with the backbone's mean and standard deviation removed."""
    mean = torch.tensor(transform.mean, device=pixels.device).view(1, 3, 1, 1) * 255
    std = torch.tensor(transform.std, device=pixels.device).view(1, 3, 1, 1) * 255
    return (pixels.float() - mean) / std
