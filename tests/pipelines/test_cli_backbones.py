"""`labelcycle backbones`, and `--backbone` with one of its names."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from labelcycle.components.core.backbones import presets, timing
from labelcycle.components.core.backbones.presets import PRESETS, Preset
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.cli.backbones import backbones
from labelcycle.pipelines.models.model_card import pixels_taken


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of `labelcycle init` for a preset of a tiny network that crops, squashes and takes the class token."""
    torch.manual_seed(0)
    path = tmp_path / "test_vit.safetensors"
    save_file(timm.create_model("test_vit").state_dict(), str(path))
    made = Preset("tiny", "test_vit", 1, 64, "none", 32, presets.HALF, 0.5, "squash", pooling="cls", auto="cls_mean")
    monkeypatch.setitem(PRESETS, "tiny", made)
    return {"backbone": "tiny", "weights": str(path), "recipe": "margin"}


def test_a_size_without_a_network_to_measure_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--image-size is for --time: name the backbone to measure"):
        backbones(image_size=32)


def test_a_preset_becomes_the_campaigns_backbone(begin_on_images: Callable[..., Any], tiny: dict[str, Any]) -> None:
    backbone = begin_on_images(**tiny).state.campaign.backbone
    assert (backbone.name, backbone.pooling, backbone.width) == ("test_vit", "cls", 64)
    transform = backbone.transform
    assert (transform.image_size, transform.crop_share, transform.crop_mode) == (32, 0.5, "squash")
    assert (transform.mean, transform.std) == presets.HALF
    taken = pixels_taken(backbone)
    assert (taken.resize_both_sides_to, taken.resize_short_side_to, taken.crop_centre_to) == (64, None, 32)


def test_what_is_set_by_hand_wins(begin_on_images: Callable[..., Any], tiny: dict[str, Any]) -> None:
    given = {"image_size": 48, "crop_mode": "center", "overrides": {"embedding.pooling": "network"}}
    backbone = begin_on_images(**tiny, **given).state.campaign.backbone
    assert (backbone.pooling, backbone.transform.image_size) == ("network", 48)
    assert (backbone.transform.crop_mode, backbone.transform.crop_share) == ("center", 0.5)


def test_the_list_names_what_a_closed_network_needs(labelcycle: Callable[..., Any]) -> None:
    listed = {row["name"]: row for row in json.loads(labelcycle("backbones", "--json").stdout)}
    assert listed.keys() == PRESETS.keys()
    small = listed["dinov2-small"]
    assert (small["width"], small["image_size"], small["licence"]) == (384, 224, "apache-2.0")
    assert small["without_network"]["fetch"].startswith("hf download timm/vit_small_patch14_reg4_dinov2.lvd142m ")
    text = labelcycle("backbones").stdout
    assert all(name in text for name in PRESETS) and "--weights" in text
    rows = [line for line in text.splitlines() if "dinov3-small" in line]
    assert len(rows) == 1 and all(value in rows[0] for value in ("384", "256", "dinov3-license")), "80 columns do"


def test_listing_loads_neither_torch_nor_timm() -> None:
    script = (
        "import sys; from labelcycle.pipelines.cli.backbones import backbones; backbones(as_json=True, time=None); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", script], stdout=subprocess.DEVNULL).returncode == 0


def test_time_is_told_with_what_it_was_reckoned_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = timing.BackboneTiming("test_vit", 32, "cpu", 2, 16, 4.0)
    monkeypatch.setattr(timing, "time_backbone", lambda name, size: measured)
    backbones(time="tiny", image_size=None, as_json=False)
    assert "250.0 s for 1,000 images on 2 cores, reckoned from 16 images in 4.0 s" in capsys.readouterr().out
    backbones(time="tiny", image_size=None, as_json=True)
    assert json.loads(capsys.readouterr().out)["seconds_for_1000"] == 250
