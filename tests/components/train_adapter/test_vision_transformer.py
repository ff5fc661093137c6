"""A vision transformer in two parts gives what the whole gives."""

from typing import Any

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from labelcycle.components.core.backbones.pooling import with_pooling
from labelcycle.components.core.config.embedding import Pooling
from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.train_adapter.adapters import add_adapters
from labelcycle.components.train_adapter.vision_transformer import FrozenPart, TrainedPart, is_plain

KINDS: list[dict[str, Any]] = [
    {},
    {"global_pool": "avg", "fc_norm": True},
    {"qk_norm": True, "init_values": 0.1},
    {"reg_tokens": 2, "qkv_bias": False, "pre_norm": True},
    {"global_pool": "map"},
]


def network(**options: Any) -> VisionTransformer:
    torch.manual_seed(0)
    size = {"img_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 3, "num_heads": 2, "num_classes": 0}
    return VisionTransformer(**(size | options))


@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize(
    ("options", "pooling"),
    [*((options, "network") for options in KINDS), ({}, "cls_mean"), ({"global_pool": "map"}, "cls"), ({}, "mean")],
)
@pytest.mark.parametrize("first", [0, 2])
def test_the_parts_give_the_features_and_gradients_of_the_whole(
    options: dict[str, Any], pooling: Pooling, first: int, adapted: bool
) -> None:
    model = with_pooling(network(**options), pooling)
    if adapted:
        add_adapters(model, LoraTrainer(rank=2, lora_dropout=0.0, target="qkv"))
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    assert is_plain(model)
    images = torch.randn(5, 3, 16, 16)
    trained = [value for value in model.blocks[first:].parameters() if value.requires_grad]
    whole = model(images)
    expected = torch.autograd.grad((whole**3).sum(), trained)
    parts = TrainedPart(model, first)(FrozenPart(model, first)(images))
    assert torch.allclose(parts, whole, atol=1e-5)
    found = torch.autograd.grad((parts**3).sum(), trained)
    assert all(torch.allclose(one, other, atol=1e-3) for one, other in zip(found, expected, strict=True))


def test_the_frozen_part_makes_no_gradients() -> None:
    assert not FrozenPart(network(), 2)(torch.randn(1, 3, 16, 16)).requires_grad


def test_other_networks_are_not_cut() -> None:
    assert not is_plain(torch.nn.Linear(2, 2))
    assert not is_plain(network(drop_rate=0.1, pos_drop_rate=0.1))
    assert not is_plain(network(patch_drop_rate=0.5))
