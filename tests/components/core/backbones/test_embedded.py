"""The packaged backbone: its file, how it loads through timm, and that its features are worth something."""

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from timm.data import create_transform, resolve_model_data_config

from labelcycle.components.core.backbones.embedded import distil
from labelcycle.components.core.backbones.embedded.model import MODEL_NAME, WEIGHTS_FILE
from labelcycle.components.core.backbones.embedded.views import collect_views, read_images


@pytest.fixture(scope="module")
def model() -> Any:
    return timm.create_model(MODEL_NAME, pretrained=True).eval()


def test_file_is_small_half_precision_and_states_its_licence() -> None:
    assert WEIGHTS_FILE.stat().st_size <= 4_000_000
    assert {tensor.dtype for tensor in load_file(WEIGHTS_FILE).values()} == {torch.float16}
    with safe_open(WEIGHTS_FILE, framework="pt") as opened:
        metadata = opened.metadata()
    assert metadata["licence"] == "Apache-2.0"
    assert "augreg" in metadata["origin"]


def test_file_holds_exactly_the_tensors_of_the_model(model: Any) -> None:
    stored = load_file(WEIGHTS_FILE)
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert {name: tensor.shape for name, tensor in stored.items()} == expected
    assert all(torch.equal(tensor, stored[name].float()) for name, tensor in model.state_dict().items())


def test_preprocessing_of_the_model(model: Any) -> None:
    settings = resolve_model_data_config(model)
    assert settings["input_size"] == (3, 64, 64)
    assert settings["interpolation"] == "bicubic"
    assert settings["crop_pct"] == 1.0
    assert settings["mean"] == settings["std"] == (0.5, 0.5, 0.5)
    assert model.pretrained_cfg["classifier"] == "head"
    assert model.pretrained_cfg["first_conv"] == "patch_embed.proj"


@torch.inference_mode()
def test_features_are_finite_and_differ_between_images(model: Any) -> None:
    images = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images[2], images[3] = -1, 1
    features = model(images)
    assert features.shape == (4, 192)
    assert torch.isfinite(features).all()
    assert torch.pdist(features).min() > 0.1


@torch.inference_mode()
def test_no_classifier_when_asked_for_in_words(model: Any) -> None:
    images = torch.zeros(1, 3, 64, 64)
    assert torch.equal(timm.create_model(MODEL_NAME, pretrained=True, num_classes=0).eval()(images), model(images))


def test_a_new_classifier_can_be_put_on_top() -> None:
    classifier = timm.create_model(MODEL_NAME, pretrained=True, num_classes=7)
    assert classifier(torch.zeros(1, 3, 64, 64)).shape == (1, 7)


def test_other_image_sizes_are_taken() -> None:
    larger = timm.create_model(MODEL_NAME, pretrained=True, num_classes=0, img_size=96)
    assert larger(torch.zeros(1, 3, 96, 96)).shape == (1, 192)


@pytest.mark.parametrize("fault", ["missing", "unexpected"])
def test_loading_is_strict(fault: str, tmp_path: Path) -> None:
    weights = load_file(WEIGHTS_FILE)
    if fault == "missing":
        del weights["blocks.3.mlp.fc2.bias"]
    else:
        weights["blocks.4.mlp.fc2.bias"] = torch.zeros(192)
    save_file(weights, tmp_path / "faulty.safetensors")
    overlay = {"file": str(tmp_path / "faulty.safetensors")}
    with pytest.raises(RuntimeError, match=rf"(?i){fault} key"):
        timm.create_model(MODEL_NAME, pretrained=True, pretrained_cfg_overlay=overlay)


@torch.inference_mode()
def test_features_of_digits_carry_the_digit(model: Any) -> None:
    digits = load_digits()
    transform = create_transform(**resolve_model_data_config(model))
    grey = (digits.images * 255 / 16).round().astype(np.uint8)
    images = torch.stack([transform(Image.fromarray(digit).convert("RGB")) for digit in grey])
    features = torch.cat([model(batch) for batch in images.split(256)]).numpy()
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    regression.fit(features[::2], digits.target[::2])
    assert regression.score(features[1::2], digits.target[1::2]) > 0.9


def test_student_starts_from_blocks_of_the_teacher() -> None:
    torch.manual_seed(0)
    teacher = timm.create_model(distil.TEACHER_NAME, pretrained=False, num_classes=0)
    student = distil.initial_student(teacher)
    first, last = distil.TEACHER_BLOCKS[0], distil.TEACHER_BLOCKS[-1]
    assert torch.equal(student.blocks[0].attn.qkv.weight, teacher.blocks[first].attn.qkv.weight)
    assert torch.equal(student.blocks[3].mlp.fc2.weight, teacher.blocks[last].mlp.fc2.weight)
    assert student.pos_embed.shape == (1, 65, 192)


def test_views_repeat_with_their_seed(tmp_path: Path) -> None:
    archive = write_archive(tmp_path)
    first, second, other = (collect_views([archive], per_archive=6, strokes=2, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (8, 3, 64, 64)
    assert first.dtype == torch.uint8
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_training_brings_the_student_nearer_to_the_teacher(tmp_path: Path) -> None:
    torch.manual_seed(0)
    device = torch.device("cpu")
    views = collect_views([write_archive(tmp_path)], per_archive=12, strokes=4, seed=0)
    teacher = timm.create_model(distil.TEACHER_NAME, pretrained=False, num_classes=0).eval()
    targets = distil.teach(teacher, views, device)
    student = distil.initial_student(teacher)
    before = distil.agreement(student, views, targets.classes, device)
    distil.train(student, views, targets, epochs=3, batch_size=8, learning_rate=1e-3, device=device)
    assert distil.agreement(student, views, targets.classes, device) > before
    distil.save(student, tmp_path / "student.safetensors")
    assert load_file(tmp_path / "student.safetensors").keys() == load_file(WEIGHTS_FILE).keys()


def test_archive_without_images_is_refused(tmp_path: Path) -> None:
    archive = write_archive(tmp_path, names=("notes.txt",))
    with pytest.raises(SystemExit, match="holds no images"):
        read_images(archive)


def write_archive(folder: Path, names: tuple[str, ...] = ("a.png", "b.png", "c.png")) -> Path:
    """Write a tar archive with one random 80x100 picture a name."""
    generator = np.random.default_rng(0)
    archive = folder / "images.tar"
    with tarfile.open(archive, "w") as opened:
        for name in names:
            stream = io.BytesIO()
            Image.fromarray(generator.integers(0, 256, (80, 100, 3), dtype=np.uint8)).save(stream, "PNG")
            member = tarfile.TarInfo(name)
            member.size = stream.tell()
            stream.seek(0)
            opened.addfile(member, stream)
    return archive
