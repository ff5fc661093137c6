"""A committed model as one network: pixels, or features, in; probabilities out. It is not trained any more."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.backbones.build import attach_adapter, build_backbone
from labelcycle.components.core.campaign.campaign import Backbone, Transform
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.half_precision import FeatureScale
from labelcycle.components.core.models.heads import Head, LogisticHead, ProxyHead
from labelcycle.components.core.models.tuned_backbone import trained_backbone
from labelcycle.components.core.storage.objects import read_object
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
            f"Campaign {chosen.campaign.identifier!r} was started with embeddings, so its models take features, not "
            "images. Give features of the same network with --embeddings."
        )
    return trained_backbone(backbone, chosen.training)


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


class MergedClassifier(torch.nn.Module):
    """RGB pixels uint8 (B, 3, S, S) → probabilities float32 (B, C).

    Normalisation, backbone and head in one. Features are rounded to float16 between the two, as they are where
    labelcycle measures a model and predicts with it, so that the results are the same.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, network: torch.nn.Module, transform: Transform, head: torch.nn.Module) -> None:
        super().__init__()
        self.network, self.head = network, head
        self.register_buffer("mean", torch.tensor(transform.mean).view(1, 3, 1, 1) * 255)
        self.register_buffer("deviation", torch.tensor(transform.std).view(1, 3, 1, 1) * 255)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Probabilities, rows sum to 1."""
        features: torch.Tensor = self.network((pixels.float() - self.mean) / self.deviation)
        return torch.softmax(self.head(features.half().float()), dim=1)


class FeatureClassifier(torch.nn.Module):
    """Features as users have them (B, d) → probabilities float32 (B, C), for campaigns begun with embeddings.

    They are centred and scaled in double precision where the campaign's own were, and rounded to float16 as these are.
    """

    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, head: torch.nn.Module, scale: FeatureScale | None = None) -> None:
        super().__init__()
        self.head, self.scaled = head, scale is not None
        if scale is not None:
            self.register_buffer("centre", torch.from_numpy(scale.centre.copy()))
            self.register_buffer("scale", torch.from_numpy(scale.scale.copy()))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Probabilities, rows sum to 1."""
        if self.scaled:
            features = (features.double() - self.centre) / self.scale
        return torch.softmax(self.head(features.half().float()), dim=1)


class UnitStandardisation(torch.nn.Module):
    """Features float32 (B, d) → standardised by the pool and made unit length, as `LogisticHead` does."""

    mean: torch.Tensor
    factor: torch.Tensor

    def __init__(self, head: LogisticHead) -> None:
        super().__init__()
        deviation = _tensor(head.deviation)
        self.register_buffer("mean", _tensor(head.mean))
        self.register_buffer("factor", torch.where(deviation > 0, 1 / deviation, torch.zeros_like(deviation)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Rows of length 1, or 0 where a sample is the mean itself."""
        values = (features - self.mean) * self.factor
        length = values.square().sum(dim=1, keepdim=True).sqrt()
        return values / torch.where(length > 0, length, torch.ones_like(length))


def head_network(head: Head) -> torch.nn.Module:
    """A head in torch, its batch normalisation folded into the linear layer that it belongs to.

    Features (B, d) → logits (B, C).
    """
    if isinstance(head, LogisticHead):
        return torch.nn.Sequential(UnitStandardisation(head), _linear(_tensor(head.weight), _tensor(head.bias)))
    factor, offset = (torch.from_numpy(array) for array in head.normalisation())
    weight, bias = torch.from_numpy(head.weight), torch.from_numpy(head.bias)
    if not isinstance(head, ProxyHead):
        return _linear(weight * factor, bias + weight @ offset)
    hidden_weight, hidden_bias = torch.from_numpy(head.hidden_weight), torch.from_numpy(head.hidden_bias)
    hidden = _linear(hidden_weight * factor[:, None], hidden_bias * factor + offset)
    return torch.nn.Sequential(hidden, torch.nn.ReLU(), _linear(weight, bias))


def _tensor(values: npt.NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(values.copy())


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> torch.nn.Linear:
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight, layer.bias = torch.nn.Parameter(weight, False), torch.nn.Parameter(bias, False)
    return layer
