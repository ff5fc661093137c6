"""The kustomizations under manifests/, and what `kubectl kustomize` makes of them."""

import copy
import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

MANIFESTS = Path(__file__).parents[2] / "manifests"
OVERLAYS = sorted(path.parent.name for path in MANIFESTS.glob("overlays/*/kustomization.yaml"))

Object = dict[str, Any]
"""One Kubernetes object, as it stands in YAML."""


def all_kustomizations() -> list[Path]:
    """Every kustomization.yaml under manifests/."""
    return sorted(MANIFESTS.rglob("kustomization.yaml"))


def read_documents(path: Path) -> list[Any]:
    """The YAML documents of a file, empty ones left out."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document is not None]


@functools.cache
def _rendered(folder: str) -> list[Object]:
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a warning is an error"
    return list(yaml.safe_load_all(done.stdout))


def render(name: str) -> list[Object]:
    """The objects of an overlay, or of `base`; fresh ones at every call. Skips the test where kubectl is absent."""
    return rendered(MANIFESTS / name if name == "base" else MANIFESTS / "overlays" / name)


def rendered(folder: Path) -> list[Object]:
    """The objects of the kustomization in a folder; otherwise as `render`."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    return copy.deepcopy(_rendered(str(folder)))
