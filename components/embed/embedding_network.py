"""The network half of embedding: decoded batches → float16 features."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.backbones.build import attach_adapter, autocast, build_backbone, device, normalise
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone


def load_network(attempt: Attempt, backbone: Backbone, adapter: bool) -> torch.nn.Module:
    """The backbone, with this attempt's adapter merged in if there is one."""
    model = build_backbone(attempt.store, backbone)
    if not adapter:
        return model
    with tempfile.TemporaryDirectory() as folder:
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            (Path(folder) / name).write_bytes(attempt.read(f"adapter/{name}"))
        return attach_adapter(model, Path(folder))


@torch.inference_mode()
def forward(model: torch.nn.Module, pixels: npt.NDArray[np.uint8], backbone: Backbone) -> npt.NDArray[np.float16]:
    """uint8 images (B, 3, H, W) → float16 features (B, d)."""
    images = normalise(torch.from_numpy(pixels).to(device()), backbone.transform)
    with autocast(backbone):
        features: npt.NDArray[np.float16] = model(images).half().cpu().numpy()
    return features
