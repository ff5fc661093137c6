"""A stage talks to nobody: with images, weights and captions in the root, not one connection is tried."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every host that was looked up or connected to, which fails."""
    found: list[str] = []

    def refuse(*arguments: Any, **settings: Any) -> Any:
        found.append(repr(arguments[-1] if isinstance(arguments[0], socket.socket) else arguments[0]))
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    return found


def test_cycles_with_an_adapter(begin_on_images: Callable[..., Any], tried: list[str]) -> None:
    campaign = begin_on_images(recipe="peal_entropy", overrides={"trainer.epochs": 1}, budget=8, batch=4)
    campaign.run_cycle()
    campaign.run_cycle()
    assert len(campaign.state.commits) == 2 and tried == []


def test_captions(text_encoder: Path, tried: list[str]) -> None:
    from labelcycle.components.embed.caption_model import CaptionModel

    assert CaptionModel(text_encoder)(["a photo of red"]).shape == (1, 16) and tried == []


def test_a_text_encoder_with_code_of_its_own_is_refused(text_encoder: Path, tmp_path: Path, tried: list[str]) -> None:
    import json
    import shutil

    from labelcycle.components.core.errors import ConfigurationError
    from labelcycle.components.embed.caption_model import CaptionModel

    folder = Path(shutil.copytree(text_encoder, tmp_path / "encoder"))
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    with pytest.raises(ConfigurationError, match="holds no text encoder"):
        CaptionModel(folder)
    assert not (tmp_path / "ran").exists() and tried == []


def test_texts_of_classes(tmp_path: Path, tried: list[str]) -> None:
    """The network of text of a zero-shot start, whose tokenizer names code of its own, which is not run."""
    import json

    from labelcycle.components.core.backbones.text_tower import TextTower, lay_out, read_configuration
    from tests.harness import tiny_image_text as tiny

    folder, laid = tmp_path / "both", tmp_path / "laid"
    tiny.write_siglip(tiny.siglip_of_transformers(), folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    laid.mkdir()
    lay_out(folder, read_configuration(folder), laid)
    (laid / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    assert TextTower(laid).of_classes(["red"], ["a {class}"]).shape == (1, tiny.WIDTH)
    assert not (tmp_path / "ran").exists() and tried == []
