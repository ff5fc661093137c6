"""Which tokens become features: by hand, kept in names, refused where there are none."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from labelcycle.components.core.backbones.build import EMBEDDED, build_backbone
from labelcycle.components.core.backbones.pooling import pooling_of, settle_pooling, with_pooling
from labelcycle.components.core.backbones.resolve import TransformOverrides, resolve_backbone
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.provenance import backbone_provenance, space_name
from labelcycle.components.core.storage import Store, open_store

AS_IT_IS = TransformOverrides()
POOLINGS: list[Any] = ["cls", "mean", "cls_mean"]
SIZES = {"img_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "num_classes": 0}
"""Sizes of a vision transformer that is given registers or another pooling by the test."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "campaign"))


def weights_of(name: str, tmp_path: Path) -> str:
    """A file of random weights, its biases and norms too, so that no layer is an identity."""
    torch.manual_seed(0)
    state = timm.create_model(name).state_dict()
    path = tmp_path / f"{name}.safetensors"
    noisy = {
        key: value + 0.1 * torch.randn_like(value) if value.is_floating_point() else value
        for key, value in state.items()
    }
    save_file(noisy, str(path))
    return str(path)


def transformer(**options: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    model = timm.models.vision_transformer.VisionTransformer(**(SIZES | options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


@torch.no_grad()
def by_hand(model: Any, images: torch.Tensor, first_patch: int) -> dict[str, torch.Tensor]:
    tokens = model.forward_features(images)
    mean = sum(tokens[:, number] for number in range(first_patch, tokens.shape[1])) / (tokens.shape[1] - first_patch)
    cls, mean = model.fc_norm(tokens[:, 0]), model.fc_norm(mean)
    return {"cls": cls, "mean": mean, "cls_mean": torch.cat([cls, mean], dim=1)}


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    ("options", "first_patch"),
    [
        ({}, 1),
        ({"reg_tokens": 3}, 4),
        ({"global_pool": "avg"}, 1),
        ({"global_pool": "avg", "fc_norm": True, "reg_tokens": 2}, 3),
    ],
    ids=["plain", "registers", "averaged by itself", "normalised after pooling"],
)
def test_features_are_those_tokens_and_registers_are_never_averaged(
    options: dict[str, Any], first_patch: int, pooling: Any
) -> None:
    model = transformer(**options)
    images = torch.randn(3, 3, 16, 16)
    expected = by_hand(model, images, first_patch)[pooling]
    with torch.no_grad():
        own = model(images)
        found = with_pooling(model, pooling)(images)
    assert torch.allclose(found, expected, atol=1e-6)
    assert found.shape == (3, 32 if pooling == "cls_mean" else 16)
    alike = pooling == ("mean" if options.get("global_pool") == "avg" else "cls")
    assert (found.shape == own.shape and torch.allclose(found, own, atol=1e-5)) == alike


def test_the_network_is_left_as_it_is() -> None:
    model, images = transformer(), torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        own = model(images)
        assert torch.equal(with_pooling(model, "network")(images), own)
    assert pooling_of(model) == "network" and "forward_head" not in vars(model)


def test_a_copy_pools_its_own_tokens() -> None:
    model = with_pooling(transformer(), "cls_mean")
    twin: Any = copy.deepcopy(model)
    assert twin.forward_head.model is twin and pooling_of(twin) == "cls_mean"


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_campaigns_backbone_keeps_its_pooling(store: Store, tmp_path: Path, pooling: Any) -> None:
    weights = weights_of("test_vit", tmp_path)
    backbone = resolve_backbone(store, "test_vit", weights, AS_IT_IS, pooling=pooling)
    assert (backbone.pooling, backbone.width) == (pooling, 128 if pooling == "cls_mean" else 64)
    again = Backbone.model_validate_json(backbone.model_dump_json())
    assert again == backbone
    images = torch.rand(2, 3, 160, 160)
    model = build_backbone(store, again)
    expected = by_hand(model, images, 1)
    with torch.no_grad():
        assert torch.allclose(model(images), expected[pooling], atol=1e-6)


def test_names_of_spaces_hold_the_pooling(store: Store) -> None:
    found = {pooling: resolve_backbone(store, EMBEDDED, None, AS_IT_IS, pooling=pooling) for pooling in POOLINGS}
    found["network"] = resolve_backbone(store, EMBEDDED, None, AS_IT_IS)
    names = {pooling: space_name(backbone_provenance(backbone, None)) for pooling, backbone in found.items()}
    assert len(set(names.values())) == 4
    assert len({backbone.weights.sha256 for backbone in found.values()}) == 1


def test_of_the_networks_own_pooling_nothing_is_written(store: Store) -> None:
    """Descriptions and names of spaces are those of campaigns that were begun before there was a choice."""
    backbone = resolve_backbone(store, EMBEDDED, None, AS_IT_IS, pooling="network")
    assert "pooling" not in json.loads(backbone.model_dump_json())
    assert backbone_provenance(backbone, "1").as_json().keys() == {
        "kind",
        "backbone",
        "weights_sha256",
        "transform",
        "precision",
        "adapter_sha256",
    }


@pytest.mark.parametrize(
    ("name", "pooling", "lacking"),
    [
        ("test_vit2", "cls", "class token"),
        ("test_vit2", "cls_mean", "class token"),
        ("test_resnet", "cls_mean", "class token"),
        ("test_resnet", "mean", "patch tokens"),
    ],
)
def test_tokens_that_the_network_does_not_have_are_refused(
    store: Store, tmp_path: Path, name: str, pooling: Any, lacking: str
) -> None:
    message = rf"embedding.pooling '{pooling}' .*backbone '{name}' .* no {lacking}.*'network'.*--backbone"
    with pytest.raises(ConfigurationError, match=message):
        resolve_backbone(store, name, weights_of(name, tmp_path), AS_IT_IS, pooling=pooling)
    assert store.keys("weights/") == []


@pytest.mark.parametrize(("name", "width"), [("test_vit2", 64), ("test_resnet", 96)])
def test_auto_falls_back_to_the_networks_own_and_says_so(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, width: int
) -> None:
    weights = weights_of(name, tmp_path)
    backbone = resolve_backbone(store, name, weights, AS_IT_IS, pooling="auto")
    assert (backbone.pooling, backbone.width) == ("network", width)
    assert f"Backbone '{name}' has no class token" in capsys.readouterr().err
    assert backbone == resolve_backbone(store, name, weights, AS_IT_IS)


def test_auto_takes_both_where_there_is_a_class_token(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    backbone = resolve_backbone(store, EMBEDDED, None, AS_IT_IS, pooling="auto")
    assert (backbone.pooling, backbone.width) == ("cls_mean", 384)
    assert capsys.readouterr().err == ""


def test_a_pooling_layer_that_was_trained_stays_unless_another_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Named, it is put out of use, so that fine-tuning trains no weights that nothing depends on."""
    model = transformer(global_pool="map")
    assert settle_pooling("auto", model, "mapped", 16) == "network"
    assert "'mapped' was trained with a pooling layer of its own" in capsys.readouterr().err
    images = torch.randn(2, 3, 16, 16)
    features = with_pooling(model, settle_pooling("cls", model, "mapped", 16))(images)
    gradients = torch.autograd.grad(features.sum(), list(model.parameters()))
    assert len(gradients) == len(list(model.parameters()))
    assert torch.equal(features, model.forward_features(images)[:, 0])  # type: ignore[operator]
