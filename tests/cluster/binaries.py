"""Kubernetes and Argo, built from their modules and kept for the next time."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.cache import digest_of
from tests.cluster.programs import program
from tests.cluster.progress import step, tell

SOURCES = Path(__file__).parent / "go"
KUBERNETES, ARGO = "k8s.io/kubernetes", "github.com/argoproj/argo-workflows/v4"
KUBERNETES_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kubelet")
ARGO_PROGRAMS = ("workflow-controller", "argoexec", "argo")
FLAGS = ("build", "-p", "2", "-trimpath", "-buildvcs=false")
"""Two packages at a time: linking Kubernetes takes gigabytes of memory."""


@dataclass(frozen=True)
class Binaries:
    """What was built.

    Attributes:
        kubernetes: folder of Kubernetes' programs.
        argo: folder of Argo's programs and of `pause`.
        argo_manifests: folder of the manifests that Argo installs itself with.
        argo_version: the version, as Argo's images are tagged.
    """

    kubernetes: Path
    argo: Path
    argo_manifests: Path
    argo_version: str


def built(cache: Path) -> Binaries:
    """Build what is not there yet, or changed since; twenty minutes on two idle cores, the first time."""
    kubernetes, argo = build_kubernetes(cache), build_argo(cache)
    return Binaries(kubernetes, argo, argo / "manifests", version_of(SOURCES / "argo", ARGO))


def build_kubernetes(cache: Path) -> Path:
    """Kubernetes' programs, each that the node and its users run."""
    sources = SOURCES / "kubernetes"
    version = version_of(sources, KUBERNETES)
    folder, unfinished = place(cache, "kubernetes", sources)
    if not folder.exists():
        with step(f"build Kubernetes {version}, 9 minutes on two idle cores"):
            copy_module(sources, unfinished)
            flags = f"-s -w -X k8s.io/component-base/version.gitVersion={version}"
            go(
                unfinished,
                *FLAGS,
                f"-ldflags={flags}",
                "-o=bin/",
                *(f"{KUBERNETES}/cmd/{p}" for p in KUBERNETES_PROGRAMS),
            )
            finish(unfinished, folder)
    return folder


def build_argo(cache: Path) -> Path:
    """Argo's controller, executor and command, the program of the pause image, and Argo's manifests.

    The module as it is served lacks a file that its executor needs on Linux, and the pages that its command would show.
    So a copy is built, with a file of ours beside the others, and with a blank page.
    """
    sources = SOURCES / "argo"
    version = version_of(sources, ARGO)
    folder, unfinished = place(cache, "argo", sources)
    if not folder.exists():
        with step(f"build Argo {version}, 13 minutes on two idle cores"):
            copy_module(sources, unfinished)
            module = Path(json.loads(go(unfinished, "mod", "download", "-json", f"{ARGO}@{version}"))["Dir"])
            copy = unfinished / "argo-workflows"
            shutil.copytree(module, copy, ignore=shutil.ignore_patterns("docs", "examples", "sdks", "manifests"))
            for path in (copy, *copy.rglob("*")):
                path.chmod(path.stat().st_mode | 0o200)
            shutil.copy(sources / "osspecific" / "signal_linux.go", copy / "workflow" / "executor" / "osspecific")
            pages = copy / "ui" / "dist" / "app"
            pages.mkdir(parents=True)
            (pages / "index.html").write_text("blank")
            go(unfinished, "mod", "edit", f"-replace={ARGO}=./{copy.name}")
            flags = f"-s -w -X {ARGO}.version={version}"
            packages = [f"{ARGO}/cmd/{name}" for name in ARGO_PROGRAMS]
            go(unfinished, *FLAGS, f"-ldflags={flags}", "-o=bin/", *packages, "./pause")
            shutil.copytree(module / "manifests", unfinished / "bin" / "manifests")
            finish(unfinished, folder)
    return folder


def version_of(sources: Path, module: str) -> str:
    """The version that a go.mod requires of a module."""
    line = next(
        line for line in (sources / "go.mod").read_text().splitlines() if f"{module} v" in line and "=>" not in line
    )
    return line.split()[-1]


def place(cache: Path, name: str, sources: Path, *further: str) -> tuple[Path, Path]:
    """Where the programs of these sources will be, and a folder to make them in; those of others are removed."""
    kept = cache / "binaries"
    kept.mkdir(exist_ok=True)
    files = [file for file in sources.rglob("*") if file.is_file()]
    folder = kept / f"{name}-{digest_of(files, *FLAGS, *further, go(sources, 'env', 'GOVERSION'))}"
    if not folder.exists():
        for old in kept.glob(f"{name}-*"):
            shutil.rmtree(old)
    unfinished = kept / f"{name}-unfinished"
    return folder, unfinished


def copy_module(sources: Path, folder: Path) -> None:
    """A copy of a module of ours to build in, so that no build writes to the checkout."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sources, folder)


def finish(unfinished: Path, folder: Path) -> None:
    """Keep the programs, under their digest, and nothing else."""
    (unfinished / "bin").rename(folder)
    shutil.rmtree(unfinished)
    tell(
        f"{folder}: {sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) / 1e6:.0f} MB of programs"
    )


def go(folder: Path, *arguments: str) -> str:
    """Run Go in a folder; returns what it printed. Without C, because images from scratch have no C library."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run([program("go"), *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"go {' '.join(arguments)} in {folder}\n{done.stderr[-4000:]}"
    return done.stdout.strip()
