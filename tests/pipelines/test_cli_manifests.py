"""`labelcycle manifests`: the folder is that of the repository, renders, and replaces nothing that is not its own."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines import manifest_folder
from labelcycle.pipelines.argo.files import rendered_files
from labelcycle.pipelines.argo.rendering import Rendering
from labelcycle.pipelines.cli.main import app
from labelcycle.pipelines.manifest_folder import RECORD
from labelcycle.pipelines.profiles.profile import read_profile
from tests.manifests.kustomizations import MANIFESTS, OVERLAYS, render, rendered

CYCLE = "workflows/cycle.yaml"
IMAGE = "registry.example.com/labelcycle-python:7"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Any]:
    """A function: options → what the command prints. It writes to `manifests` in the test's folder."""

    def written(*options: str) -> str:
        answer = CliRunner().invoke(app, ["manifests", str(tmp_path / "manifests"), *options], catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    return written


def test_it_writes_what_the_repository_holds(write: Callable[..., Any], tmp_path: Path) -> None:
    told = write()
    found = contents(tmp_path / "manifests")
    del found[RECORD]
    assert found == contents(MANIFESTS)
    assert set(told.splitlines()) >= {str(tmp_path / "manifests" / name) for name in found}
    assert f"kubectl apply -k {tmp_path}/manifests/overlays/argo\n" in told


def test_image_profile_and_root_are_filled_in(write: Callable[..., Any], tmp_path: Path) -> None:
    write("--image", IMAGE, "--profile", "gpu", "--root", "s3://labels/digits")
    found = contents(tmp_path / "manifests")
    chosen = Rendering(profile=read_profile("gpu"), image=IMAGE, root="s3://labels/digits")
    for name, content in rendered_files(chosen).items():
        assert found.pop(name) == content.encode()
    assert f"image: {IMAGE}-cuda".encode() in contents(tmp_path / "manifests")[CYCLE]
    del found[RECORD]
    assert {name: contents(MANIFESTS)[name] for name in found} == found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_its_overlays_render_as_those_of_the_repository(
    overlay: str, write: Callable[..., Any], tmp_path: Path
) -> None:
    write()
    assert rendered(tmp_path / "manifests" / "overlays" / overlay) == render(overlay)


def test_again_for_another_image(write: Callable[..., Any], tmp_path: Path) -> None:
    write()
    own = tmp_path / "manifests" / "our-cluster" / "kustomization.yaml"
    own.parent.mkdir()
    own.write_text("resources: [../overlays/argo]\n")
    write("--image", IMAGE)
    assert IMAGE in (tmp_path / "manifests" / CYCLE).read_text()
    assert own.read_text() == "resources: [../overlays/argo]\n", "what is not its own stays"


def test_after_labelcycle_argo(write: Callable[..., Any], tmp_path: Path) -> None:
    write()
    arguments = ["argo", "--output", str(tmp_path / "manifests"), "--cron", "5 * * * *"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    write("--image", IMAGE)
    assert (tmp_path / "manifests" / "workflows" / "schedule.yaml").read_bytes() == (
        MANIFESTS / "workflows" / "schedule.yaml"
    ).read_bytes()


def test_an_edited_file_is_kept(write: Callable[..., Any], tmp_path: Path) -> None:
    write()
    settings = tmp_path / "manifests" / "base" / "settings" / "settings.yaml"
    settings.write_text(settings.read_text().replace("us-east-1", "eu-central-1") + "# ours\n")
    before = contents(tmp_path / "manifests")
    with pytest.raises(
        ConfigurationError, match=r"changed after they were written: base/settings/settings.yaml\. Keep"
    ):
        write("--image", IMAGE)
    assert contents(tmp_path / "manifests") == before, "nothing at all is written"
    write("--force")
    assert settings.read_bytes() == (MANIFESTS / "base" / "settings" / "settings.yaml").read_bytes()


def test_a_folder_of_something_else(write: Callable[..., Any], tmp_path: Path) -> None:
    other = tmp_path / "manifests" / "other.txt"
    other.parent.mkdir()
    other.write_text("mine")
    with pytest.raises(ConfigurationError, match="is not empty, and `labelcycle manifests` did not write it"):
        write()
    assert list(other.parent.iterdir()) == [other]
    write("--force")
    assert other.read_text() == "mine" and (other.parent / CYCLE).is_file()


def test_a_file_in_the_way(write: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "manifests").write_text("")
    with pytest.raises(ConfigurationError, match="is a file"):
        write()


def test_an_empty_folder_will_do(write: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    write()
    assert (tmp_path / "manifests" / CYCLE).is_file()


def test_what_a_later_version_lacks_is_removed(
    write: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    files = manifest_folder.manifest_files

    def fewer(rendering: Rendering) -> dict[str, bytes]:
        gone = ("events/network.yaml", "SECURITY.md")
        return {name: content for name, content in files(rendering).items() if name not in gone}

    monkeypatch.setattr(manifest_folder, "manifest_files", fewer)
    (tmp_path / "manifests" / "SECURITY.md").write_text("edited")
    assert f"removed {tmp_path}/manifests/events/network.yaml" in write()
    assert not (tmp_path / "manifests" / "events" / "network.yaml").exists()
    assert (tmp_path / "manifests" / "SECURITY.md").read_text() == "edited"


def test_wrong_settings_write_nothing(
    tmp_path: Path, labelcycle: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    answer = labelcycle("manifests", tmp_path / "new", "--root", "/a/folder")
    assert answer.returncode == 1 and "is no S3 prefix" in answer.stderr
    assert not (tmp_path / "new").exists()
