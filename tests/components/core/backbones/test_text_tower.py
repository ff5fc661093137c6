"""The network of text: the same vectors and logits as transformers on the same random weights, and files refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from labelcycle.components.core.backbones.presets import image_text_presets
from labelcycle.components.core.backbones.text_tower import (
    CONFIGURATION,
    TEXT_HALF,
    ImageHalf,
    TextTower,
    as_words,
    lay_out,
    read_configuration,
)
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.models.text_classifier import TextClassifier
from tests.harness import tiny_image_text as tiny

PROMPTS = ["a photo of a red.", "a photo of a green.", "a blue of photo."]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path, Path]]:
    """Of CLIP and SigLIP: the model in transformers, the folder in open_clip's form, and the backbone's weights."""
    made: dict[str, tuple[Any, Path, Path]] = {}
    for name, build, write in (
        (tiny.CLIP, tiny.clip_of_transformers, tiny.write_clip),
        (tiny.SIGLIP, tiny.siglip_of_transformers, tiny.write_siglip),
    ):
        model, folder = build(), tmp_path_factory.mktemp(name) / "both"
        made[name] = (model, folder, write(model, folder))
    return made


def laid_out(folder: Path, target: Path) -> tuple[ImageHalf, TextTower]:
    target.mkdir(exist_ok=True)
    half = lay_out(folder, read_configuration(folder), target)
    return half, TextTower(target)


@pytest.mark.parametrize("name", [tiny.CLIP, tiny.SIGLIP])
@torch.inference_mode()
def test_images_texts_and_logits_are_those_of_transformers(
    name: str, models: dict[str, tuple[Any, Path, Path]], tmp_path: Path
) -> None:
    reference, folder, weights = models[name]
    half, tower = laid_out(folder, tmp_path / "laid")
    backbone = timm.create_model(name, num_classes=half.projection.shape[1] if name == tiny.CLIP else 0)
    backbone.load_state_dict(load_file(weights))
    if name == tiny.CLIP:
        backbone.reset_classifier(0)
    images = torch.randn(5, 3, tiny.SIDE, tiny.SIDE, generator=torch.Generator().manual_seed(1))
    expected = reference(input_ids=tower._tokenizer(PROMPTS), pixel_values=images)

    texts = tower(PROMPTS)
    scale = np.array([half.scale], np.float32)
    classifier = TextClassifier(half.projection, half.offset, texts, scale)
    features = backbone.eval()(images).numpy()
    assert np.abs(texts - expected.text_embeds.numpy()).max() < 1e-4
    assert np.abs(classifier.embed(features) - expected.image_embeds.numpy()).max() < 1e-4
    bias = float(reference.logit_bias) if name == tiny.SIGLIP else 0.0
    assert np.abs(classifier.logits(features) + bias - expected.logits_per_image.numpy()).max() < 1e-4
    assert np.ptp(texts, axis=0).max() > 0.01 and np.ptp(features, axis=0).max() > 0.01


@torch.inference_mode()
def test_a_projection_behind_the_pooling_is_that_of_open_clip(tmp_path: Path) -> None:
    """As in PE, whose networks transformers has no text for; open_clip runs both of its halves here."""
    import open_clip

    configuration = {
        "embed_dim": tiny.EMBEDDED,
        "custom_text": True,
        "vision_cfg": {
            "image_size": tiny.SIDE,
            "timm_model_name": tiny.PROJECTED,
            "timm_pool": "map",
            "timm_proj": None,
        },
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": tiny.TEXT_WIDTH, "heads": 2, "layers": 2},
    }
    sizes = {name: configuration[name] for name in ("embed_dim", "vision_cfg", "text_cfg")}
    whole = tiny._shaken(open_clip.CustomTextCLIP(**sizes))
    tiny._write(tmp_path / "both", configuration, whole.state_dict())
    half, tower = laid_out(tmp_path / "both", tmp_path / "laid")
    assert np.abs(half.offset).max() > 0.01 and not half.of_class_token
    images, texts = torch.randn(3, 3, tiny.SIDE, tiny.SIDE), tower(PROMPTS)
    expected, _ = whole.get_logits(images, open_clip.SimpleTokenizer(context_length=32)(PROMPTS))
    backbone = whole.visual.trunk
    backbone.reset_classifier(0)
    classifier = TextClassifier(half.projection, half.offset, texts, np.array([half.scale], np.float32))
    assert np.abs(classifier.logits(backbone(images).numpy()) - expected.numpy()).max() < 1e-4


def test_only_the_half_of_text_is_kept(models: dict[str, tuple[Any, Path, Path]], tmp_path: Path) -> None:
    for name in (tiny.CLIP, tiny.SIGLIP):
        laid_out(models[name][1], tmp_path / name)
        kept = load_file(tmp_path / name / TEXT_HALF)
        assert not any(key.startswith(("visual", "logit", "text.")) for key in kept)
    assert {path.name for path in (tmp_path / tiny.CLIP).iterdir()} == {CONFIGURATION, TEXT_HALF}
    assert (tmp_path / tiny.SIGLIP / "tokenizer.json").is_file()


def test_a_class_is_the_mean_over_its_prompts(models: dict[str, tuple[Any, Path, Path]], tmp_path: Path) -> None:
    _, tower = laid_out(models[tiny.CLIP][1], tmp_path)
    two = ["a photo of a {class}.", "a {class}"]
    found = tower.of_classes(["polar_bear", "sea"], two)
    single = tower(["a photo of a polar bear.", "a polar bear"]).mean(axis=0)
    assert np.allclose(found[0], single / np.linalg.norm(single), atol=1e-6)
    assert np.allclose(np.linalg.norm(found, axis=1), 1) and not np.allclose(found[0], found[1])
    assert as_words(" polar__bear ") == "polar bear"


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def configured(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / CONFIGURATION).read_text())
        content["model_cfg"]["text_cfg"] |= changes
        (folder / CONFIGURATION).write_text(json.dumps(content))

    return change


def lacking_a_layer(folder: Path) -> None:
    tensors = load_file(folder / "open_clip_model.safetensors")
    del tensors["text.ln_final.weight"]
    save_file(tensors, folder / "open_clip_model.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("open_clip_config.json"), "lacks open_clip_config.json.*--text-tower"),
        (without("open_clip_model.safetensors"), "lacks open_clip_model.safetensors"),
        (without("tokenizer.json"), "lacks tokenizer.json"),
        (lambda folder: (folder / CONFIGURATION).write_text("[]"), "is not a configuration of open_clip"),
        (lambda folder: (folder / "open_clip_model.safetensors").write_text("{}"), "holds no image-text model"),
        (lacking_a_layer, "do not fit each other(.|\n)*ln_final"),
        (configured(width=64), "do not fit each other"),
        (configured(nonsense=1), "do not fit each other(.|\n)*nonsense"),
        (configured(hf_model_name="roberta-base"), "'roberta-base' of transformers"),
        (configured(tokenizer_kwargs={"trust_remote_code": True}), "may not have 'trust_remote_code'"),
    ],
)
def test_files_that_are_no_network_of_text_are_refused(
    models: dict[str, tuple[Any, Path, Path]], tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    folder = tmp_path / "both"
    shutil.copytree(models[tiny.SIGLIP][1], folder)
    change(folder)
    with pytest.raises(ConfigurationError, match=message):
        laid_out(folder, tmp_path / "laid")


def test_open_clip_knows_the_texts_of_all_presets(tmp_path: Path) -> None:
    for preset in image_text_presets():
        configuration = read_configuration(tmp_path, preset.text)
        assert configuration.get("quick_gelu", False) == ("quickgelu" in preset.network)
        assert configuration["vision_cfg"]["image_size"] == preset.image_size
        known = configuration["vision_cfg"].get("timm_model_name")
        assert known is None or known == preset.network.partition(".")[0]
    with pytest.raises(ConfigurationError, match="does not know 'ViT-Z'"):
        read_configuration(tmp_path, "ViT-Z")
