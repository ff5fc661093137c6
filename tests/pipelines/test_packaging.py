"""What is installed is what is in the repository."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_every_package_is_listed() -> None:
    folders = {path.parent for part in ("components", "pipelines") for path in (ROOT / part).rglob("*.py")}
    names = {"labelcycle." + ".".join(folder.relative_to(ROOT).parts) for folder in folders}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert settings["packages"] == sorted({*names, "labelcycle", "labelcycle.manifests"})


def test_every_data_file_is_listed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for part in ("components", "manifests", "pipelines"):
        patterns = settings["package-data"][f"labelcycle.{part}"]
        files = [path for path in (ROOT / part).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        listed = {path for pattern in patterns for path in (ROOT / part).glob(pattern)}
        code = () if part == "manifests" else (".py", ".md")
        assert [path for path in files if path.suffix not in code and path not in listed] == []


def test_the_image_is_built_from_every_folder_of_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    containerfile, context = (ROOT / "images" / "Containerfile").read_text(), (ROOT / ".dockerignore").read_text()
    for folder in settings["package-dir"].values():
        assert f"\nCOPY {folder} /build/project/{folder}\n" in containerfile
        assert f"\n!{folder}\n" in context


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs. It is built from what the image is built from, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    project = folder / "project"
    for line in re.findall(
        r"^COPY (.+) /build/project/", (ROOT / "images" / "Containerfile").read_text(), re.MULTILINE
    ):
        for name in line.split():
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                project.mkdir(exist_ok=True)
                shutil.copyfile(source, project / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-index", "--no-deps"]
    done = subprocess.run([*pip, "--no-build-isolation", "-w", folder, project], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_the_wheel_has_every_file(site: Path) -> None:
    for part in ("components", "manifests", "pipelines"):
        there = {path.relative_to(ROOT / part) for path in (ROOT / part).rglob("*") if path.is_file()}
        installed = {path.relative_to(site / "labelcycle" / part) for path in (site / "labelcycle" / part).rglob("*")}
        missing = {path for path in there - installed if "__pycache__" not in path.parts}
        assert {path for path in missing if path.suffix != ".md" or part == "manifests"} == set()


def test_the_installed_package_has_the_names_of_the_clone(site: Path, tmp_path: Path) -> None:
    code = "import labelcycle; print(labelcycle.__file__); print(labelcycle.errors.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert all(line.startswith(str(site)) for line in done.stdout.decode().splitlines())
    assert (site / "labelcycle" / "py.typed").is_file()


def test_the_installed_package_writes_the_manifests(site: Path, tmp_path: Path) -> None:
    code = "import labelcycle.pipelines as p; print(p.__file__); from labelcycle.pipelines.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "manifests", "written"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site)), "the clone was asked, not the wheel"
    for path in (ROOT / "manifests").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            written = tmp_path / "written" / path.relative_to(ROOT / "manifests")
            assert written.read_bytes() == path.read_bytes(), written
