"""Short names of backbones: they say of each network what timm's configuration and the papers say."""

from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform

from labelcycle.components.core.backbones.build import create, pixel_transform
from labelcycle.components.core.backbones.pooling import settle_pooling, width_of, with_pooling
from labelcycle.components.core.backbones.presets import ALL, PRESETS, Preset, preset_of
from labelcycle.components.core.backbones.resolve import TransformOverrides, resolve_backbone
from labelcycle.components.core.backbones.timing import time_backbone
from labelcycle.components.core.campaign.campaign import Transform
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store

OTHER_THAN_TIMM = {
    **{f"dinov2-{size}": {"image_size": 224, "crop_share": 0.875} for size in ("small", "base", "large", "giant")},
    "clip-base": {"crop_share": 1.0},
}
"""DINOv2 at 224 pixels of 256, as in its evaluations, and not at 518; OpenAI's own CLIP crops nothing."""

POOLED = {
    "dinov2-small": "token",
    "dinov3-small": "token",
    "siglip2-base": "map",
    "pe-core-base": "map",
    "clip-base": "token",
    "clip-base-laion": "token",
    "eva02-base": "avg",
    "aimv2-large": "avg",
}
"""One of each family, and what its authors take of the last layer, by timm's names."""


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
def test_input_licence_and_weights_are_those_of_timm(preset: Preset) -> None:
    known = timm.get_pretrained_cfg(preset.network)
    assert known is not None and known.tag == preset.network.partition(".")[2]
    own = {
        "image_size": known.input_size[-1],
        "crop_share": known.crop_pct,
        "crop_mode": known.crop_mode,
        "colours": (known.mean, known.std),
        "licence": known.license,
        "hub": known.hf_hub_id,
    }
    assert {name: getattr(preset, name) for name in own} == own | OTHER_THAN_TIMM.get(preset.name, {})
    assert known.interpolation == "bicubic"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(preset.name, marks=[] if preset.parameters < 100e6 else [pytest.mark.long])
        for preset in ALL
        if preset.name not in ("clip-base-laion", "eva02-base")
    ],
)
def test_size_and_width_are_those_of_the_network(name: str) -> None:
    preset = PRESETS[name]
    with torch.device("meta"):
        network: Any = create(preset.network, preset.image_size)
    assert sum(parameter.numel() for parameter in network.parameters()) == preset.parameters
    assert width_of(network, "network") == preset.width


@pytest.mark.parametrize("name", POOLED)
@torch.inference_mode()
def test_features_are_the_tokens_that_the_authors_use(name: str) -> None:
    """Checked against timm with random weights, in one block."""
    preset = PRESETS[name]
    side = 2 * int(preset.network.partition("patch")[2][:2])
    smaller = {"depth": 1, "embed_dim": 128, "num_heads": 2}
    torch.manual_seed(0)
    expected: Any = timm.create_model(
        preset.network, num_classes=0, img_size=side, global_pool=POOLED[name], **smaller
    ).eval()
    ours = create(preset.network, side, **smaller).eval()
    ours.load_state_dict(expected.state_dict())
    images = torch.rand(2, 3, side, side)
    settled = settle_pooling(preset.asked("network"), ours, name, side)
    assert torch.allclose(with_pooling(ours, settled)(images), expected(images), atol=1e-6)


def test_auto_joins_class_token_and_patches_where_both_were_trained() -> None:
    joined = {preset.name for preset in ALL if preset.asked("auto") == "cls_mean"}
    assert joined == {name for name in PRESETS if name.startswith("dino")}
    assert PRESETS["clip-base"].asked("mean") == "mean"


def test_clip_of_openai_has_its_own_activation() -> None:
    activations = {}
    for name in ("clip-base", "clip-base-laion"):
        with torch.device("meta"):
            network: Any = create(PRESETS[name].network, 32, depth=1)
        activations[name] = type(network.blocks[0].mlp.act).__name__
    assert activations == {"clip-base": "QuickGELU", "clip-base-laion": "GELU"}


def test_settings_given_by_hand_win() -> None:
    given = TransformOverrides(image_size=98, mean=(0.1, 0.2, 0.3), crop_mode="center")
    ours = given.over(PRESETS["eva02-base"])
    assert (ours.image_size, ours.mean, ours.crop_mode) == (98, (0.1, 0.2, 0.3), "center")
    assert (ours.crop_share, ours.std) == (1.0, PRESETS["eva02-base"].colours[1])


def test_a_misspelt_name_is_told_the_nearest(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"no model 'DINOv2-smal'. Did you mean 'dinov2-small'\?"):
        resolve_backbone(open_store(str(tmp_path)), "DINOv2-smal", None, TransformOverrides())
    assert preset_of("vit_small_patch14_reg4_dinov2.lvd142m") is None


def test_squashing_keeps_the_whole_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    settings = Transform(
        image_size=16,
        interpolation="bicubic",
        crop_share=1.0,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        crop_mode="squash",
    )
    image = Image.fromarray(pixels)
    expected = create_transform(
        (3, 16, 16), interpolation="bicubic", crop_pct=1.0, crop_mode="squash", use_prefetcher=True
    )
    assert np.array_equal(pixel_transform(settings)(image), expected(image))
    assert np.array_equal(pixel_transform(settings)(image), np.asarray(image.resize((16, 16), 3)).transpose(2, 0, 1))
    cropped = settings.model_copy(update={"crop_mode": "center"})
    assert not np.array_equal(pixel_transform(settings)(image), pixel_transform(cropped)(image))
    assert settings.model_dump()["crop_mode"] == "squash" and "crop_mode" not in cropped.model_dump()


def test_a_backbone_is_timed_on_random_weights() -> None:
    timing = time_backbone("test_vit", 32, about=0.05)
    assert (timing.network, timing.image_size) == ("test_vit", 32)
    assert timing.images >= timing.cores and timing.seconds > 0
    assert timing.seconds_for_thousand == pytest.approx(1000 * timing.seconds / timing.images)
