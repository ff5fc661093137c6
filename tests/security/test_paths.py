"""Nothing that a name says leads out of the place that it belongs to: keys, attempts, campaigns, files of models."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from labelcycle.components.core.campaign.campaign import KEY, load_campaign
from labelcycle.components.core.config.embedding import TextEncoder
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, LabelcycleError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference, read_object, sealed
from labelcycle.pipelines.cli import main

WAYS_OUT = ["../outside", "a/../../outside", "..", "/etc/passwd", "./a", "a//b", "a/./b", "a/..", "//etc/passwd"]


@pytest.fixture
def store(store_root: str) -> Store:
    return open_store(store_root)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """A function: the words of a command → its exit code and what it wrote to standard error."""

    def called(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["labelcycle", *words])
        with pytest.raises(SystemExit) as end:
            main.main()
        return int(end.value.code or 0), capsys.readouterr().err

    return called


@pytest.mark.parametrize("key", [*WAYS_OUT, "", "a/"])
def test_keys(store: Store, key: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"outside")
    (tmp_path / "file").write_bytes(b"file")
    for use in (
        lambda: store.read(key),
        lambda: store.write(key, b"data"),
        lambda: store.write_if_absent(key, b"data"),
        lambda: store.upload(tmp_path / "file", key),
        lambda: store.fetch(key),
        lambda: store.exists(key),
    ):
        with pytest.raises(ConfigurationError, match="would leave|not a plain path|names no object"):
            use()
    assert (tmp_path / "outside").read_bytes() == b"outside"


@pytest.mark.parametrize("key", WAYS_OUT)
def test_references_of_a_forged_campaign(store: Store, key: str) -> None:
    """Who can write a commit can seal it too; what it names is below the root all the same."""
    with pytest.raises(ConfigurationError, match="would leave|not a plain path"):
        read_object(store, ObjectReference(key=key, sha256="0" * 64))


@pytest.mark.parametrize(
    "attempt", ["../../x", "../../../../etc", "..", ".", "a/../../..", "/etc", "a\0b", " ", "x" * 5000]
)
@pytest.mark.parametrize("stage", ["select", "publish"])
def test_attempts(
    begin: Callable[..., Any], command: Callable[..., tuple[int, str]], tmp_path: Path, attempt: str, stage: str
) -> None:
    root = begin().root
    before = set(tmp_path.rglob("*"))
    words = ["stage", stage, "--root", root, "--cycle", "0", "--attempt", attempt]
    code, error = command(*words)
    assert code == 1 and "error: " in error, error
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("cycle", ["-1", "../1", "1e3", "0x1", "", "99999999999999999999"])
def test_cycles(begin: Callable[..., Any], command: Callable[..., tuple[int, str]], cycle: str) -> None:
    code, _ = command("stage", "select", "--root", begin().root, "--cycle", cycle, "--attempt", "0123456789abcdef")
    assert code == 1


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "..", ".hidden", "a b", "a\nb", "x" * 65, "<script>", "=1+1", "\x1b[2J"]
)
def test_names_of_campaigns(begin: Callable[..., Any], name: str) -> None:
    """They become names of runs, models and projects."""
    with pytest.raises((ConfigurationError, InputError, CampaignError), match="name"):
        begin(name=name)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/cron.d/job", "a/b", "..", ".", "", ".bashrc"])
def test_names_of_a_text_encoders_files(name: str) -> None:
    """Stages lay them into a folder: a name with a way out would write where the campaign's author likes."""
    files = {name: {"key": "weights/x", "sha256": "0" * 64}}
    with pytest.raises(ValidationError, match="should match pattern"):
        TextEncoder.model_validate({"name": "encoder", "files": files, "width": 4})


def test_a_forged_campaign_with_such_a_file_is_refused(begin: Callable[..., Any]) -> None:
    store = open_store(begin().root)
    content = json.loads(store.read(KEY))
    content.pop("sha256", None)
    files = {"../../x": {"key": "weights/x", "sha256": "0" * 64}}
    content["text_encoder"] = {"name": "encoder", "files": files, "width": 4}
    store.write(KEY, sealed(content))
    with pytest.raises(LabelcycleError, match="text_encoder"):
        load_campaign(store)


def test_backbones_are_never_hub_addresses_or_folders(tmp_path: Path) -> None:
    """timm takes `hf-hub:owner/model` and `local-dir:folder` too; a campaign file could name them."""
    from labelcycle.components.core.backbones.build import create

    for name in ("hf-hub:owner/model", "hf_hub:owner/model", f"local-dir:{tmp_path}", "../vit", "timm/vit"):
        with pytest.raises(ConfigurationError, match="timm has no model"):
            create(name)


@pytest.mark.parametrize("line", ["http://127.0.0.1:9/a.png", "data:image/png;base64,AA", "ftp://host/a.png"])
def test_a_list_of_images_names_no_other_host(tmp_path: Path, line: str) -> None:
    from labelcycle.components.core.images.allowed_sources import RefusedImage
    from labelcycle.components.core.images.source import read_image
    from labelcycle.pipelines.models.classify_images import images_named

    (tmp_path / "images.txt").write_text(f"{line}\n")
    (address,) = images_named(str(tmp_path / "images.txt")).values()
    with pytest.raises(RefusedImage, match="is never fetched"):
        read_image(address)


@pytest.mark.parametrize("images", ["http://127.0.0.1:9/images", "file://host/images", "gopher://h/x"])
def test_init_names_no_other_host(begin_on_images: Callable[..., Any], images: str) -> None:
    with pytest.raises(ConfigurationError, match="never fetched|no host is asked"):
        begin_on_images(images=images)


def test_init_takes_images_from_allowed_sources_alone(
    begin_on_images: Callable[..., Any], pictures: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABELCYCLE_IMAGE_SOURCES", "/data/images,s3://bucket/images")
    with pytest.raises(ConfigurationError, match="not from an allowed source. Add its folder"):
        begin_on_images()
    inside = tmp_path / "images"
    inside.mkdir()
    for path in sorted(pictures.images.rglob("*.png"))[:6]:
        os.link(path, inside / f"{path.parent.name}-{path.name}")
    (inside / "linked.png").symlink_to(pictures.images / "red" / "19.png")
    monkeypatch.setenv("LABELCYCLE_IMAGE_SOURCES", str(inside))
    with pytest.raises(ConfigurationError, match="linked.png' leads|linked.png', which leads to"):
        begin_on_images(images=str(inside), test=None, labels_from=None)


def test_files_in_the_working_directory_are_not_imported(tmp_path: Path) -> None:
    """A folder of images may hold a `json.py`; the image sets PYTHONSAFEPATH, and the command needs no more."""
    for name in ("json.py", "typer.py", "labelcycle.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('code of the working directory')")
    script = str(Path(sys.executable).with_name("labelcycle"))
    done = subprocess.run([script, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and "working directory" not in done.stderr
