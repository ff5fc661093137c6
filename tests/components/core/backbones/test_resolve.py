"""From a backbone's name to the bytes that a campaign keeps, and the names and weights that are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from labelcycle.components.core.backbones import resolve
from labelcycle.components.core.backbones.build import EMBEDDED, attach_adapter, build_backbone, create
from labelcycle.components.core.backbones.packaged import packaged_backbone
from labelcycle.components.core.backbones.presets import PRESETS
from labelcycle.components.core.backbones.resolve import TransformOverrides, inner_layers, resolve_backbone
from labelcycle.components.core.errors import CampaignError, ConfigurationError, TransientError
from labelcycle.components.core.storage import Store, open_store

AS_IT_IS = TransformOverrides()
SMALL = "test_vit"
"""A vision transformer that timm keeps for tests: 64 wide, 160 pixels."""


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of the small transformer, as its own user would have them: with a classifier."""
    torch.manual_seed(0)
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model(SMALL).state_dict(), str(path))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "campaign"))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("pooling", ["network", "cls", "mean", "cls_mean", "auto"])
def test_the_packaged_network_is_described_without_building_it(store: Store, precision: Any, pooling: Any) -> None:
    built = resolve_backbone(store, EMBEDDED, None, AS_IT_IS, precision, pooling)
    assert packaged_backbone(store, precision, pooling) == built


def test_the_packaged_backbone(store: Store) -> None:
    backbone = resolve_backbone(store, EMBEDDED, None, AS_IT_IS)
    assert (backbone.name, backbone.width, backbone.transform.image_size) == (EMBEDDED, 192, 64)
    assert backbone.transform.mean == (0.5, 0.5, 0.5)
    model = build_backbone(store, backbone)
    expected = timm.create_model(EMBEDDED, pretrained=True).eval()
    pixels = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(model(pixels), expected(pixels))
    assert not model.training


def test_weights_from_a_file(store: Store, weights: Path) -> None:
    backbone = resolve_backbone(store, SMALL, str(weights), AS_IT_IS)
    model = build_backbone(store, backbone)
    expected = timm.create_model(SMALL, checkpoint_path=str(weights)).eval()
    pixels = torch.rand(2, 3, 160, 160)
    with torch.no_grad():
        assert torch.allclose(model(pixels), expected.forward_head(expected.forward_features(pixels), pre_logits=True))
    assert backbone.width == 64


def test_weights_from_s3(s3_root: str, weights: Path, tmp_path: Path) -> None:
    remote = open_store(s3_root)
    remote.write("some/weights.safetensors", weights.read_bytes())
    local = open_store(str(tmp_path / "campaign"))
    ours = resolve_backbone(local, SMALL, f"{s3_root}/some/weights.safetensors", AS_IT_IS)
    assert ours == resolve_backbone(local, SMALL, str(weights), AS_IT_IS)
    with pytest.raises(ConfigurationError, match="There is no object"):
        resolve_backbone(local, SMALL, f"{s3_root}/other.safetensors", AS_IT_IS)


def test_other_weights_are_another_backbone(store: Store, weights: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    other = tmp_path / "other.safetensors"
    save_file(timm.create_model(SMALL).state_dict(), str(other))
    digests = {resolve_backbone(store, SMALL, str(path), AS_IT_IS).weights.sha256 for path in (weights, other)}
    assert len(digests) == 2


def test_overrides_replace_the_models_own_transform(store: Store, weights: Path) -> None:
    overrides = TransformOverrides(64, "bilinear", 0.5, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    backbone = resolve_backbone(store, SMALL, str(weights), overrides)
    assert backbone.transform.model_dump() == {
        "image_size": 64,
        "interpolation": "bilinear",
        "crop_share": 0.5,
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
    }
    assert build_backbone(store, backbone)(torch.rand(1, 3, 64, 64)).shape == (1, 64)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (TransformOverrides(interpolation="magic"), "interpolation"),
        (TransformOverrides(crop_share=1.5), "crop_share"),
        (TransformOverrides(crop_share=0.0), "crop_share"),
        (TransformOverrides(std=(0.5, 0.0, 0.5)), "std"),
    ],
    ids=["interpolation", "crop above one", "crop of nothing", "zero deviation"],
)
def test_wrong_overrides_are_refused(store: Store, overrides: TransformOverrides, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolve_backbone(store, EMBEDDED, None, overrides)


@pytest.mark.parametrize("size", [7, 0, -8])
def test_tiny_images_are_refused(store: Store, size: int) -> None:
    with pytest.raises(ConfigurationError, match=f"{size}"):
        resolve_backbone(store, EMBEDDED, None, TransformOverrides(image_size=size))


def test_an_unknown_name_is_refused_with_similar_ones(store: Store) -> None:
    with pytest.raises(ConfigurationError, match=r"timm has no model 'vit_smal'. Similar names: .*vit"):
        resolve_backbone(store, "vit_smal", None, AS_IT_IS)


def test_an_unknown_version_of_a_backbone_is_refused(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="nosuchtag"):
        resolve_backbone(store, f"{SMALL}.nosuchtag", None, AS_IT_IS)


def test_weights_of_another_network_are_refused(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, str(path))
    with pytest.raises(ConfigurationError) as refused:
        resolve_backbone(store, SMALL, str(path), AS_IT_IS)
    said = str(refused.value)
    assert "do not fit backbone 'test_vit'. Correct --weights or --backbone, or fetch the file again" in said
    assert "Tensors missing: cls_token, pos_embed, " in said and " more; unexpected: weight." in said
    assert len(said) < 500 and "\n" not in said


def test_weights_of_another_width_are_refused_in_short(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "wide.safetensors"
    tensors = timm.create_model(SMALL).state_dict()
    save_file(tensors | {"norm.weight": torch.zeros(3), "norm.bias": torch.zeros(3)}, str(path))
    with pytest.raises(ConfigurationError, match=r"Tensors of another shape: norm.weight, norm.bias\.$"):
        resolve_backbone(store, SMALL, str(path), AS_IT_IS)


def test_weights_that_lack_a_layer_are_refused(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "partial.safetensors"
    tensors = timm.create_model(SMALL).state_dict()
    save_file({name: value for name, value in tensors.items() if not name.startswith("blocks.3.")}, str(path))
    with pytest.raises(ConfigurationError, match=r"do not fit backbone 'test_vit'(.|\n)*blocks.3"):
        resolve_backbone(store, SMALL, str(path), AS_IT_IS)


def test_a_backbone_that_has_no_weights_is_refused(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="has no weights for backbone 'test_vit4'.*--weights"):
        resolve_backbone(store, "test_vit4", None, AS_IT_IS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("weights.pth", b"anything", "not a .safetensors file; other formats can run code"),
        ("weights.safetensors", b"no safetensors", "do not fit"),
        ("weights.safetensors", b"", "do not fit"),
    ],
)
def test_files_that_hold_no_weights_are_refused(
    store: Store, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        resolve_backbone(store, SMALL, str(tmp_path / name), AS_IT_IS)


def test_a_missing_file_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"There is no file .* Correct --weights"):
        resolve_backbone(store, SMALL, str(tmp_path / "missing.safetensors"), AS_IT_IS)


def test_without_a_hub_the_remedy_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*arguments: object, **settings: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    monkeypatch.setattr(resolve, "contact_hub", lambda *asked: None)
    with pytest.raises(TransientError, match=r"no route to host. Name a local file or s3:// URI with --weights"):
        resolve_backbone(store, SMALL, None, AS_IT_IS)
    preset = PRESETS["dinov2-small"]
    with pytest.raises(TransientError, match=f"on another machine with `{preset.fetch}`. Name a local file"):
        resolve_backbone(store, preset.network, None, AS_IT_IS)


def test_layers_are_found_by_their_ending(store: Store) -> None:
    backbone = resolve_backbone(store, EMBEDDED, None, AS_IT_IS)
    assert inner_layers(backbone, "qkv") == ["qkv"] and inner_layers(backbone, "fc[12]") == ["fc1", "fc2"]
    assert not inner_layers(backbone, "query") and not inner_layers(backbone, "norm")


def test_stored_weights_that_were_changed_are_refused(store: Store) -> None:
    backbone = resolve_backbone(store, EMBEDDED, None, AS_IT_IS)
    store.write(backbone.weights.key, b"changed")
    with pytest.raises(CampaignError, match="was changed after it was written"):
        build_backbone(store, backbone)


def test_stored_weights_of_another_network_are_refused(store: Store, weights: Path) -> None:
    backbone = resolve_backbone(store, SMALL, str(weights), AS_IT_IS)
    transform = backbone.transform.model_copy(update={"image_size": 64})
    with pytest.raises(CampaignError, match="do not fit backbone"):
        build_backbone(store, backbone.model_copy(update={"name": EMBEDDED, "transform": transform}))


def test_a_convolutional_network_is_rebuilt_as_well(store: Store, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "resnet.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), str(path))
    backbone = resolve_backbone(store, "test_resnet", str(path), AS_IT_IS)
    features = build_backbone(store, backbone)(torch.rand(2, 3, 160, 160))
    assert features.shape == (2, backbone.width)
    assert not inner_layers(backbone, "qkv")


def test_an_adapter_is_merged_or_stays_trainable(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(create(EMBEDDED, pretrained=True), LoraConfig(r=2, target_modules=r".*\.qkv"))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.01)
    adapted.save_pretrained(str(tmp_path))
    pixels = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = adapted.eval()(pixels).numpy()
        merged = attach_adapter(create(EMBEDDED, pretrained=True), tmp_path)
        assert np.allclose(merged(pixels).numpy(), expected, atol=1e-4)
        assert not np.allclose(create(EMBEDDED, pretrained=True).eval()(pixels).numpy(), expected, atol=1e-2)
    assert not any("lora_" in name for name, _ in merged.named_parameters())
