"""The network half of embedding: the attempt's network, and decoded batches → float16 features."""

import tempfile
from pathlib import Path

import torch

from labelcycle.components.core.backbones.build import attach_adapter, build_backbone
from labelcycle.components.core.backbones.forward import forward
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone

__all__ = ["forward", "load_network"]


def load_network(attempt: Attempt, backbone: Backbone, adapter: bool) -> torch.nn.Module:
    """The backbone, with this attempt's adapter merged in if there is one."""
    model = build_backbone(attempt.store, backbone)
    if not adapter:
        return model
    with tempfile.TemporaryDirectory() as folder:
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            (Path(folder) / name).write_bytes(attempt.read(f"adapter/{name}"))
        return attach_adapter(model, Path(folder))
