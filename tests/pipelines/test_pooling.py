"""From the recipe's pooling to a campaign: what is described, refused, told, and the same in every stage."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import timm
import torch
from safetensors.torch import save_file

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.models.choice import choose_model
from labelcycle.pipelines.models.network import backbone_of
from labelcycle.pipelines.models.predict import predict_images
from labelcycle.pipelines.recipes.catalogue import all_recipes
from tests.conftest import TRAINING, Pictures
from tests.pipelines.models.conftest import crown

AUTO = ["logistic", "refine", "uherding"]


@pytest.fixture
def without_class_token(tmp_path: Path) -> dict[str, Any]:
    """Settings of `labelcycle init` for a network that has no class token."""
    torch.manual_seed(0)
    path = tmp_path / "resnet.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), str(path))
    return {"backbone": "test_resnet", "weights": str(path), "image_size": 32}


def test_recipes_of_papers_keep_what_their_networks_pool() -> None:
    asked = {recipe.name: recipe.embedding.pooling for recipe in all_recipes()}
    assert [name for name, pooling in asked.items() if pooling == "auto"] == AUTO
    assert {pooling for name, pooling in asked.items() if name not in AUTO} == {"network"}


def test_campaigns_of_such_recipes_are_described_as_before_there_was_a_choice(
    begin_on_images: Callable[..., Any],
) -> None:
    made = begin_on_images(recipe="margin")
    description = json.loads(open_store(made.root).read("campaign.json"))
    assert "embedding" not in description["recipe"] and "pooling" not in description["backbone"]
    assert description["backbone"]["width"] == 192


def test_scores_predictions_and_names_go_by_the_pooling(
    begin_on_images: Callable[..., Any], pictures: Pictures, tmp_path: Path
) -> None:
    campaign = begin_on_images(recipe="uherding", budget=16, batch=8, overrides={})
    backbone = campaign.state.campaign.backbone
    assert (backbone.pooling, backbone.width) == ("cls_mean", 384)
    campaign.run_cycle()
    campaign.run_until("score")
    (key,) = [key for key in campaign.files() if "/scores/" in key]
    scores = pq.read_table(BytesIO(campaign.files()[key]))
    for stage in TRAINING[TRAINING.index("score") + 1 :]:
        campaign.run(stage)
    space = FeatureSpace(open_store(campaign.root), campaign.state.campaign.base_space)
    assert space.provenance().pooling == "cls_mean"
    assert space.read()[1].shape == (60, 384)
    crown(campaign.root)
    chosen = choose_model(campaign.root)
    assert backbone_of(chosen) == backbone
    predict_images(chosen, str(pictures.images), str(tmp_path / "out.parquet"))
    predicted = {row["image"]: row["probabilities"] for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    own = np.array(scores["probabilities"].to_pylist())
    again = np.array([predicted[name] for name in scores["sample_id"].to_pylist()])
    assert own.shape == (40, 3) and np.abs(own - again).max() < 1e-3


def test_tokens_that_are_not_there_are_refused_before_anything_is_embedded(
    begin_on_images: Callable[..., Any], without_class_token: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"embedding.pooling 'cls_mean' .*'test_resnet'.* no class token"):
        begin_on_images(**without_class_token, recipe="margin", overrides={"embedding.pooling": "cls_mean"})
    store = open_store(str(tmp_path / "campaign"))
    assert not store.exists("campaign.json") and store.keys("weights/") == store.keys("spaces/") == []


def test_a_pooling_that_does_not_exist_is_refused_by_name(begin_on_images: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="embedding.pooling: .*'cls_mean'.*got 'patches'"):
        begin_on_images(overrides={"embedding.pooling": "patches"})


def test_auto_on_another_network_is_that_networks_own(
    begin_on_images: Callable[..., Any],
    without_class_token: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = begin_on_images(**without_class_token, recipe="uherding", overrides={})
    told = capsys.readouterr().err
    assert "Backbone 'test_resnet' has no class token" in told and "trying things out" not in told
    own = begin_on_images(str(tmp_path / "own"), **without_class_token, recipe="margin")
    assert made.state.campaign.backbone == own.state.campaign.backbone
    assert made.state.campaign.base_space == own.state.campaign.base_space


def test_the_packaged_backbone_is_told_to_be_for_trying_out(
    begin_on_images: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    begin_on_images()
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "trying things out" in line]
    assert "costs accuracy" in line and "--backbone dinov2-small." in line


def test_embeddings_have_no_tokens_to_choose_from(
    begin: Callable[..., Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = begin(recipe="uherding", overrides={})
    other = begin(str(tmp_path / "other"), recipe="uherding", overrides={"embedding.pooling": "cls"})
    assert made.state.campaign.backbone is None
    assert made.state.campaign.base_space == other.state.campaign.base_space
    told = capsys.readouterr().err
    assert "pooling" not in told and "backbone" not in told
