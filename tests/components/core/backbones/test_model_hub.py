"""The first contact with the model hub: two questions where nothing answers, none where the files are there."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labelcycle.components.core.backbones import model_hub
from labelcycle.components.core.backbones.model_hub import contact_hub
from labelcycle.components.core.backbones.presets import PRESETS
from labelcycle.components.core.backbones.resolve import TransformOverrides, resolve_backbone
from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.initialise import zero_shot_start
from labelcycle.pipelines.initialise.caption_sources import encoder_folder


class Hub:
    """A hub on this machine that hangs up on every question, or says that there is no such file."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = False
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub.asked.append(self.path)
                if hub.answers:
                    self.send_response(404)
                    self.end_headers()
                self.close_connection = True

            do_GET = do_HEAD

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub that this process knows; its cache is empty."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    hub = Hub()
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(model_hub, "SECONDS_BETWEEN", 0.0)
    close_session()
    yield hub
    close_session()
    hub.server.shutdown()
    hub.server.server_close()


def text_of_a_preset() -> None:
    zero_shot_start._fetched(PRESETS["siglip2-base"])


def text_encoder() -> None:
    encoder_folder("owner/model")


@pytest.mark.parametrize("fetched", [text_of_a_preset, text_encoder])
def test_a_hub_that_does_not_answer_is_asked_twice(hub: Hub, fetched: Callable[[], None]) -> None:
    with pytest.raises(TransientError, match=f"from the model hub: {hub.address} does not answer: .*, or try again"):
        fetched()
    assert len(hub.asked) == 2


def test_nor_is_it_asked_more_often_for_a_backbone(hub: Hub, tmp_path: Path) -> None:
    """Its own client would ask six times for each of two files."""
    preset = PRESETS["dinov2-small"]
    with pytest.raises(TransientError, match=f"{hub.address} does not answer: .* machine with `{preset.fetch}`"):
        resolve_backbone(open_store(str(tmp_path / "root")), preset.network, None, TransformOverrides())
    assert hub.asked == ["/" + preset.hub + "/resolve/main/config.json"] * 2


def test_any_answer_will_do(hub: Hub) -> None:
    hub.answers = True
    contact_hub("owner/model", "model.safetensors")
    assert hub.asked == ["/owner/model/resolve/main/config.json"]


def test_what_was_fetched_before_needs_no_hub(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "models--owner--model"
    for part, content in [("refs/main", "abc"), ("refs/later", "def"), ("snapshots/abc/model.safetensors", "")]:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_text(content)
    (folder / "snapshots" / "def").mkdir()
    contact_hub("owner/model", "other.safetensors", "model.safetensors")
    assert hub.asked == []
    with pytest.raises(ConnectionError, match="does not answer"):
        contact_hub("owner/model", "other.safetensors")
    with pytest.raises(ConnectionError, match="does not answer"):
        contact_hub("owner/model@later", "model.safetensors")


def test_offline_mode_is_told_without_a_question(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="HF_HUB_OFFLINE is set"):
        contact_hub("owner/model", "model.safetensors")
    assert hub.asked == []
