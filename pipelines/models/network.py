"""The network of a committed model: the backbone with the weights and the adapter that its cycle trained."""

import tempfile
from pathlib import Path

import torch

from labelcycle.components.core.backbones.build import attach_adapter, build_backbone
from labelcycle.components.core.campaign import Backbone
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.objects import read_object
from labelcycle.components.core.tuned import trained_backbone
from labelcycle.pipelines.models.choice import Chosen

ADAPTER = {"adapter_config": "adapter_config.json", "adapter_model": "adapter_model.safetensors"}
"""Objects of a commit that make up its adapter, and their file names in peft's format."""


def backbone_of(chosen: Chosen) -> Backbone:
    """The backbone that the model's head belongs to, with the weights of its cycle.

    Raises:
        ConfigurationError: the campaign has embeddings only.
    """
    backbone = chosen.campaign.backbone
    if backbone is None:
        raise ConfigurationError(
            f"Campaign {chosen.campaign.identifier!r} was begun with embeddings, so its models take features, not "
            "images. Give features of the same network with --embeddings."
        )
    return trained_backbone(backbone, chosen.read_json("training"))


def load_network(chosen: Chosen) -> torch.nn.Module:
    """Images (B, 3, H, W), normalised → features (B, d): in evaluation mode, the adapter merged into the weights.

    Raises:
        ConfigurationError: the campaign has embeddings only.
        CampaignError: the stored weights are missing, changed or do not fit.
    """
    model = build_backbone(chosen.store, backbone_of(chosen))
    objects = chosen.commit.objects
    if "adapter_model" not in objects:
        return model
    with tempfile.TemporaryDirectory() as folder:
        for name, file in ADAPTER.items():
            (Path(folder) / file).write_bytes(read_object(chosen.store, objects[name]))
        return attach_adapter(model, Path(folder))
