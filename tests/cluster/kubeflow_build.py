"""Kubeflow Pipelines' own backend, built from its repository: its go.mod replaces modules by folders beside it."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.cluster.binaries import FLAGS, SOURCES, finish, go, place
from tests.cluster.cache import digest_of
from tests.cluster.progress import step

TAG, COMMIT = "2.17.0", "4a3592cb2dd0a91a4652ab93893ec8beda1f3158"
REPOSITORY = "https://github.com/kubeflow/pipelines"
VARIABLE = "KUBEFLOW_PIPELINES"
"""Names another place of the same repository, such as a mirror or a folder."""

PROGRAMS = {
    "apiserver": "backend/src/apiserver",
    "driver": "backend/src/v2/cmd/driver",
    "launcher-v2": "backend/src/v2/cmd/launcher-v2",
    "persistence": "backend/src/agent/persistence",
    "scheduledworkflow": "backend/src/crd/controller/scheduledworkflow",
}
MANIFESTS = "manifests/kustomize"
KEPT = {"backend/src/apiserver/config/config.json": "config/config.json", MANIFESTS: MANIFESTS}
"""What is kept beside the programs: the API server's settings and the installation's manifests, as released."""

METADATA = ("ml-metadata==1.17.1", "grpcio==1.85.3", "typing-extensions==4.16.0")
"""Packages of the metadata server."""


def build_kubeflow(cache: Path) -> Path:
    """The backend's programs, its settings and its manifests; eight minutes on two busy cores, the first time.

    All of it is built without C. The API server names SQLite's driver for the errors of its own unit tests; a module of
    ours stands in for that.
    """
    sources = SOURCES / "kubeflow"
    folder, unfinished = place(cache, "kubeflow", sources, COMMIT, *PROGRAMS, *KEPT)
    if not folder.exists():
        with step(f"build Kubeflow Pipelines {TAG}, 8 minutes on two busy cores"):
            clone(unfinished)
            shutil.copytree(sources / "sqlite3", unfinished / "sqlite3")
            go(unfinished, "mod", "edit", "-replace=github.com/mattn/go-sqlite3=./sqlite3")
            for name, package in PROGRAMS.items():
                go(unfinished, *FLAGS, "-ldflags=-s -w", f"-o=bin/{name}", f"./{package}")
            for source, kept in KEPT.items():
                place_kept(unfinished / source, unfinished / "bin" / kept)
            finish(unfinished, folder)
    return folder


def clone(folder: Path) -> None:
    """The repository at the tag.

    Raises:
        AssertionError: it cannot be had, or the tag is another commit there.
    """
    shutil.rmtree(folder, ignore_errors=True)
    origin = os.environ.get(VARIABLE) or REPOSITORY
    git("clone", "--quiet", "--depth=1", f"--branch={TAG}", "--config=advice.detachedHead=false", origin, str(folder))
    found = git("-C", str(folder), "rev-parse", "HEAD")
    assert found == COMMIT, f"{TAG} is {found} at {origin}, and not {COMMIT}. Name another place in {VARIABLE}"


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"git {' '.join(words)}\n{done.stderr[-2000:]}\n{VARIABLE} names another place"
    return done.stdout.strip()


def place_kept(source: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, kept)
    else:
        shutil.copy(source, kept)


def metadata_packages(cache: Path, python: str) -> Path:
    """A folder of the metadata server's packages, apart from ours: fetched once."""
    folder = cache / f"metadata-{digest_of([], *METADATA, python)}"
    if not folder.exists():
        with step("fetch the packages of the metadata server"):
            unfinished = folder.with_name("metadata-unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            command = [python, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={unfinished}", *METADATA]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-2000:]}"
            unfinished.rename(folder)
    return folder
