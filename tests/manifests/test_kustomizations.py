"""The files under manifests/ without kubectl: every one is listed, every listed one is there, and all of it is YAML."""

from pathlib import Path

import pytest

from tests.manifests.kustomizations import MANIFESTS, OVERLAYS, all_kustomizations, read_documents, render

FOLDERS = ("base", "events", "overlays", "workflows", "workflows-on-labels")
YAML = sorted(
    path for folder in FOLDERS for path in (MANIFESTS / folder).rglob("*") if path.suffix in (".yaml", ".yml")
)


def listed_by(kustomization: Path) -> list[Path]:
    """The files and folders that a kustomization names."""
    content = read_documents(kustomization)[0]
    names = [*content.get("resources", []), *content.get("components", [])]
    names += [patch["path"] for patch in content.get("patches", []) if "path" in patch]
    for generator in content.get("configMapGenerator", []):
        names += [name.split("=")[-1] for field in ("files", "envs") for name in generator.get(field, [])]
    return [(kustomization.parent / name).resolve() for name in names]


@pytest.mark.parametrize(
    "kustomization", all_kustomizations(), ids=lambda path: str(path.parent.relative_to(MANIFESTS))
)
def test_listed_files_exist(kustomization: Path) -> None:
    for path in listed_by(kustomization):
        assert path.is_file() or (path / "kustomization.yaml").is_file(), f"{kustomization} lists {path}"


def test_every_file_is_listed() -> None:
    listed = {path for kustomization in all_kustomizations() for path in listed_by(kustomization)}
    files = {
        path
        for folder in FOLDERS
        for path in (MANIFESTS / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    tops = {MANIFESTS / "overlays" / name for name in OVERLAYS}
    folders = {path.parent for path in all_kustomizations()}
    assert {path for path in files if path.name != "kustomization.yaml"} - listed == set()
    assert folders - listed - tops == set()


@pytest.mark.parametrize("path", YAML, ids=lambda path: str(path.relative_to(MANIFESTS)))
def test_file_is_yaml_without_secrets(path: Path) -> None:
    documents = read_documents(path)
    assert documents
    assert [document for document in documents if document.get("kind") == "Secret"] == []


@pytest.mark.parametrize(
    "kustomization", all_kustomizations(), ids=lambda path: str(path.parent.relative_to(MANIFESTS))
)
def test_no_secret_is_generated(kustomization: Path) -> None:
    assert "secretGenerator" not in read_documents(kustomization)[0]


def test_overlays_are_those_that_are_described() -> None:
    assert OVERLAYS == ["argo", "argo-events", "dev", "dev-events", "kubeflow"]
    text = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    assert [name for name in OVERLAYS if f"overlays/{name}" not in text] == []


@pytest.mark.parametrize("overlay", ["base", *OVERLAYS])
def test_no_object_is_rendered_twice(overlay: str) -> None:
    objects = render(overlay)
    names = [(given["kind"], given["metadata"].get("namespace"), given["metadata"]["name"]) for given in objects]
    assert len(set(names)) == len(names) > 10
