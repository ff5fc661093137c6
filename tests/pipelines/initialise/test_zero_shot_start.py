"""Zero-shot start: the names of the classes choose the first query and pull the head; off unless asked for."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from labelcycle.components.core.backbones import model_hub
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.models.text_classifier import TextClassifier, read_text_classifier
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import table_in
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.gathering import gather_candidates
from labelcycle.components.train_adapter.class_names_prior import names_prior
from labelcycle.components.train_adapter.label_spreading import NeighbourGraph
from labelcycle.components.train_adapter.logistic_regression import fit_logistic_regression
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.initialise import zero_shot_start
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.harness import tiny_image_text as tiny

AT_CYCLE_0 = {"recipe": "uherding", "budget": 12, "batch": 4, "zero_shot": True}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of `labelcycle init` for a CLIP of random weights."""
    folder = tmp_path_factory.mktemp("clip") / "both"
    weights = tiny.write_clip(tiny.clip_of_transformers(), folder)
    return {"backbone": tiny.CLIP, "weights": str(weights), "text_tower": str(folder)}


@pytest.fixture
def begun(begin_on_images: Callable[..., Any], clip: dict[str, str]) -> Callable[..., Any]:
    """A function: settings → a campaign of zero-shot start."""

    def begin(root: str | None = None, **settings: Any) -> Any:
        return begin_on_images(root, **(clip | AT_CYCLE_0 | settings))

    return begin


def classifier_of(campaign: Any) -> TextClassifier:
    zero_shot = campaign.state.campaign.zero_shot
    assert zero_shot is not None
    return read_text_classifier(open_store(campaign.root), zero_shot)


def test_the_first_query_follows_the_names(begun: Callable[..., Any]) -> None:
    campaign = begun()
    cold = campaign.state.campaign.recipe.cold_start
    assert (cold.strategy, cold.parameters) == ("kmeans", {"probabilities": 0.5})
    campaign.run_until("select")
    query = table_in(campaign.work.read("query.parquet"))["sample_id"].to_pylist()
    space = FeatureSpace(open_store(campaign.root), campaign.state.campaign.base_space)
    ids, features = space.read(gather_candidates(campaign.work, frozenset({"features"}), 1).ids.tolist())
    probs = classifier_of(campaign).probabilities(features)
    pool = Candidates(ids=np.array(ids), features=features, probs=probs)
    assert query == select_batch("kmeans", pool, 4, 0, probabilities=0.5).ids.tolist()
    assert query != select_batch("kmeans", pool, 4, 0, probabilities=50.0).ids.tolist()


def test_what_is_kept_is_enough_for_later_runs(
    begun: Callable[..., Any], clip: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(clip["text_tower"], mine)
    campaign = begun(text_tower=str(mine))
    kept = campaign.state.campaign.zero_shot
    assert kept.files.keys() == {"open_clip_config.json", "text_tower.safetensors"}
    assert (kept.prompts, kept.classes) == (["a photo of a {class}."], campaign.state.campaign.classes)
    shutil.rmtree(mine)
    monkeypatch.setitem(sys.modules, "open_clip", None)
    campaign.run_cycle()
    campaign.run_cycle()
    store = open_store(campaign.root)
    assert not verify_campaign(store).faults
    assert all(replay_selection(store, cycle).agreement == "identical" for cycle in (0, 1))


def test_names_pull_the_head_and_stand_for_classes_without_labels(begun: Callable[..., Any], tmp_path: Path) -> None:
    known = tmp_path / "known.csv"
    known.write_text("sample_id,label\nred/05.png,red\nred/06.png,red\ngreen/07.png,green\n")
    settings = {"known_labels": [str(known)], "classes": ["blue", "green", "red"]}
    heads = {}
    for strength in (0.0, 1.0, 50.0):
        campaign = begun(
            str(tmp_path / f"campaign-{strength}"), overrides={"trainer.text_labels": strength}, **settings
        )
        campaign.run_until("train_adapter")
        heads[strength] = read_head(campaign.work.read("head.safetensors"))
    assert np.isneginf(heads[0.0].bias[0]) and np.isfinite(heads[1.0].bias).all()
    assert np.abs(heads[1.0].weight[0]).max() > 0
    apart = [np.linalg.norm(heads[1.0].weight[1:] - heads[other].weight[1:]) for other in (0.0, 50.0)]
    assert min(apart) > 0.01


def test_without_it_a_campaign_is_what_it_was(begun: Callable[..., Any], clip: dict[str, str]) -> None:
    campaign = begun(zero_shot=False, text_tower=None)
    description = json.loads(open_store(campaign.root).read("campaign.json"))
    assert "zero_shot" not in description and "text_labels" not in description["recipe"]["trainer"]
    assert description["recipe"]["cold_start"]["strategy"] == "kmeans"
    assert "text_labels" not in LogisticTrainer().model_dump()


def test_a_first_query_chosen_by_hand_stays(begun: Callable[..., Any]) -> None:
    overrides = {"cold_start.strategy": "margin"}
    assert begun(overrides=overrides).state.campaign.recipe.cold_start.strategy == "margin"


def test_a_class_token_beside_patches_is_read_alone(begun: Callable[..., Any], tmp_path: Path) -> None:
    found = []
    for pooling in ("network", "cls", "cls_mean"):
        campaign = begun(str(tmp_path / pooling), overrides={"embedding.pooling": pooling})
        campaign.run_until("embed base")
        space = FeatureSpace(open_store(campaign.root), campaign.state.campaign.base_space)
        _, features = space.read(["red/05.png", "green/05.png", "blue/05.png"])
        found.append(classifier_of(campaign).probabilities(features))
    assert np.array_equal(found[0], found[1]) and np.allclose(found[0], found[2], atol=1e-6)
    assert np.allclose(found[0].sum(axis=1), 1)


def test_added_and_renamed_classes_get_texts(begun: Callable[..., Any], clip: dict[str, str], tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(clip["text_tower"], mine)
    campaign = begun(text_tower=str(mine), prompts=["a {class}", "one {class}."])
    shutil.rmtree(mine)
    before = classifier_of(campaign)
    store = open_store(campaign.root)
    amend_campaign(store, WantedChanges(classes=["+sea_blue"], renamed=["red=crimson"]), "")
    after = campaign.state.campaign
    assert after.zero_shot.classes == after.classes and len(after.classes) == 4
    texts = classifier_of(campaign).texts
    row = {name: number for number, name in enumerate(after.classes)}
    assert np.allclose(texts[row["blue"]], before.texts[0], atol=1e-6)
    assert not np.allclose(texts[row["crimson"]], before.texts[2], atol=1e-3)
    assert not verify_campaign(store).faults


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"zero_shot": False}, "--text-tower is about the names of classes"),
        ({"zero_shot": False, "text_tower": None, "prompts": ["a {class}"]}, "--prompts is about"),
        (
            {"zero_shot": False, "text_tower": None, "overrides": {"trainer.text_labels": 3}},
            "text_labels has no effect without --zero-shot",
        ),
        (
            {"recipe": "margin", "overrides": {"cold_start.strategy": "random"}},
            "Recipe 'margin' reads the names of classes nowhere",
        ),
        ({"overrides": {"cold_start.strategy": "marginn"}}, "no strategy 'marginn'. Did you mean 'margin'"),
        ({"prompts": ["a photo"]}, r"--prompts 'a photo' has no \{class\}"),
        ({"text_tower": None}, f"of '{tiny.CLIP}' no text is known. Choose one of siglip2-base"),
        ({"text_tower": "nowhere"}, "There is no folder 'nowhere'. Correct --text-tower"),
        ({"overrides": {"embedding.pooling": "mean"}}, "'mean'.*leaves out what backbone"),
        ({"backbone": None, "weights": None, "text_tower": None}, "no text is known"),
        ({"backbone": None, "weights": None}, "another network than backbone"),
    ],
)
def test_what_cannot_be_is_refused(begun: Callable[..., Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        begun(**settings)


def test_the_text_of_other_weights_is_refused(begun: Callable[..., Any], clip: dict[str, str], tmp_path: Path) -> None:
    other = {name: torch.randn_like(value) for name, value in load_file(clip["weights"]).items()}
    save_file(other, tmp_path / "other.safetensors")
    with pytest.raises(ConfigurationError, match="their first layers differ"):
        begun(weights=str(tmp_path / "other.safetensors"))


def test_another_activation_is_refused(begun: Callable[..., Any]) -> None:
    backbone = begun().state.campaign.backbone.model_copy(update={"name": "vit_base_patch16_clip_224.openai"})
    with pytest.raises(ConfigurationError, match="trained with QuickGELU.*with quickgelu in its name"):
        zero_shot_start._refuse_other_activation(backbone, {"quick_gelu": True})
    zero_shot_start._refuse_other_activation(backbone, {})


def test_without_a_hub_the_command_for_another_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*arguments: object, **settings: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    monkeypatch.setattr(model_hub, "contact_hub", lambda *asked: None)
    with pytest.raises(TransientError, match="hf download timm/ViT-B-16-SigLIP2-256 open_clip_config.json"):
        zero_shot_start._fetched(zero_shot_start._preset_of("vit_base_patch16_siglip_256.v2_webli"))


def test_where_the_library_is_missing_its_extra_is_named(
    begun: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ConfigurationError, match=r"Install labelcycle\[zero-shot\]"):
        begun()


def test_recipes_that_train_otherwise_take_the_query_alone(
    begun: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = begun(recipe="margin")
    assert "choose the first query alone" in capsys.readouterr().err
    campaign.run_until("select")


def by_two_coordinates(scale: float) -> TextClassifier:
    """Two classes: where the first coordinate is large, and where the second is."""
    identity, texts = np.eye(6, dtype=np.float32), np.eye(2, 6, dtype=np.float32)
    return TextClassifier(identity, np.zeros(6, np.float32), texts, np.array([scale], np.float32))


def test_names_that_say_nothing_count_for_little() -> None:
    features = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float16)
    moments = (features.astype(np.float32).mean(axis=0), features.astype(np.float32).std(axis=0))
    vague, clear = (
        names_prior(2.0, by_two_coordinates(scale), moments, features, features[:50]) for scale in (1e-3, 100)
    )
    assert np.linalg.norm(vague.prototypes, axis=1).max() < 0.2 < np.linalg.norm(clear.prototypes, axis=1).min()
    assert clear.prototypes[0, 0] > clear.prototypes[0, 1] and clear.prototypes[1, 1] > clear.prototypes[1, 0]
    assert vague.hints is not None and clear.hints is not None
    assert np.allclose(vague.hints, 2 / 50, atol=1e-3)
    assert np.allclose(clear.hints.sum(axis=0), 2, atol=1e-5) and clear.hints.max() > 0.07
    assert names_prior(2.0, by_two_coordinates(1), moments, features, None).hints is None


def test_hints_bring_classes_without_labels_into_the_pool() -> None:
    generator = np.random.default_rng(1)
    points = np.repeat(np.eye(3, 8), 12, axis=0) + 0.1 * generator.normal(size=(36, 8))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    graph, among = NeighbourGraph(points), np.setdiff1d(np.arange(36), [0, 12])
    labelled = (np.array([0, 12]), np.array([0, 1]))
    without = graph.pseudo_labels(*labelled, among)
    nothing = graph.pseudo_labels(*labelled, among, np.zeros((34, 3), np.float32))
    assert all(
        np.array_equal(getattr(without, name), getattr(nothing, name)) for name in ("rows", "classes", "certainty")
    )
    assert set(without.classes.tolist()) == {0, 1}
    hints = np.zeros((34, 3), np.float32)
    hints[among >= 24, 2] = 1 / 12
    found = graph.pseudo_labels(*labelled, among, hints)
    assert set(found.classes[found.rows >= 24].tolist()) == {2}
    assert set(found.classes[found.rows < 24].tolist()) == {0, 1}


def test_a_prior_begins_the_prototype() -> None:
    vectors, prior = np.eye(2, 4), np.zeros((3, 4))
    prior[0], prior[2] = [0, 0, 1.0, 0], [0, 0, 0, 0.5]
    found = fit_logistic_regression(vectors, np.array([0, 1]), 3, strength=1e9, prior=prior)
    assert found.present.all()
    assert np.allclose(found.weight[0], 8 * np.array([1, 0, 1, 0]) / np.sqrt(2), atol=1e-6)
    assert np.allclose(found.weight[1], [0, 8, 0, 0], atol=1e-6)
    assert np.allclose(found.weight[2], [0, 0, 0, 8], atol=1e-6)
    nothing = fit_logistic_regression(vectors, np.array([0, 1]), 3, prior=np.zeros((3, 4)))
    assert np.array_equal(nothing.weight, fit_logistic_regression(vectors, np.array([0, 1]), 3).weight)
