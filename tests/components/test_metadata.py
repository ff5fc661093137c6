"""The house: what each stage folder holds, its metadata, and which way imports point."""

import ast
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

COMPONENTS = Path(__file__).parents[2] / "components"
PACKAGE = "labelcycle.components"
STAGES = ("embed", "evaluate", "label_ingest", "notify", "publish", "score", "select", "train_adapter")
FIELDS = ["name", "stability", "dependencies", "tags", "lastVerified", "ci", "links"]
ROOMS = ("analysis", "labelling", "notification", "tracking")
"""What several stages use, above core."""

PLATFORMS = ("kfp", "mlflow")


def imports_of(file: Path) -> Iterator[str]:
    """Every module that `file` imports at any depth, absolute, with the names taken from it."""
    package = [PACKAGE, *file.parent.relative_to(COMPONENTS).parts]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def belongs_to(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def metadata_of(stage: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((COMPONENTS / stage / "metadata.yaml").read_text(encoding="utf-8"))
    return content


def test_every_folder_is_a_stage_a_shared_room_or_core() -> None:
    folders = {path.name for path in COMPONENTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {*STAGES, *ROOMS, "core"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_folder_is_complete(stage: str) -> None:
    for name in ("__init__.py", "component.py", "stage.py", "metadata.yaml", "README.md"):
        assert (COMPONENTS / stage / name).is_file(), f"{stage} lacks {name}"
    assert (COMPONENTS / stage / "README.md").read_text(encoding="utf-8").startswith(f"# {stage}\n")


@pytest.mark.parametrize("stage", STAGES)
def test_metadata_has_the_standard_fields_in_their_order(stage: str) -> None:
    content = metadata_of(stage)
    assert list(content) == FIELDS
    assert content["name"] == stage
    assert content["stability"] in ("experimental", "alpha", "beta", "stable")
    assert list(content["dependencies"]) == ["kubeflow", "external_services"]
    assert content["dependencies"]["kubeflow"] == [{"name": "Pipelines", "version": ">=2.17"}]
    assert all(list(service) == ["name", "version"] for service in content["dependencies"]["external_services"])
    assert content["tags"] and all(isinstance(tag, str) and tag for tag in content["tags"])
    assert isinstance(content["lastVerified"], datetime)
    assert content["lastVerified"].tzinfo is not None
    assert isinstance(content["ci"]["skip_dependency_probe"], bool)
    assert (COMPONENTS / stage / content["links"]["documentation"]).is_file()


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_imports_another(stage: str) -> None:
    others = [f"{PACKAGE}.{other}" for other in STAGES if other != stage]
    wrong = [
        f"{file.relative_to(COMPONENTS)} imports {module}"
        for file in sorted((COMPONENTS / stage).rglob("*.py"))
        for module in imports_of(file)
        if any(belongs_to(module, other) for other in others)
    ]
    assert wrong == []


def test_imports_point_from_stages_to_shared_rooms_to_core() -> None:
    above = {"core": (*STAGES, *ROOMS)} | {
        room: (*STAGES, *(other for other in ROOMS if other != room)) for room in ROOMS
    }
    wrong = [
        f"{file.relative_to(COMPONENTS)} imports {module}"
        for file in sorted(COMPONENTS.rglob("*.py"))
        for module in imports_of(file)
        for higher in above.get(file.relative_to(COMPONENTS).parts[0], ())
        if belongs_to(module, f"{PACKAGE}.{higher}")
    ]
    assert wrong == []


def test_no_component_imports_pipelines() -> None:
    wrong = [
        f"{file.relative_to(COMPONENTS)} imports {module}"
        for file in sorted(COMPONENTS.rglob("*.py"))
        for module in imports_of(file)
        if belongs_to(module, "labelcycle.pipelines")
    ]
    assert wrong == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_knows_no_platform(stage: str) -> None:
    modules = list(imports_of(COMPONENTS / stage / "stage.py"))
    assert [module for module in modules for platform in PLATFORMS if belongs_to(module, platform)] == []
    assert [module for module in modules if belongs_to(module, f"{PACKAGE}.tracking")] == []
    assert [module for module in modules if belongs_to(module, f"{PACKAGE}.core.runtime.kfp_component")] == []


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_wrapper_imports_the_wrapper(stage: str) -> None:
    """component.py → stage.py → leaves: nothing below imports what stands above it."""
    for file in sorted((COMPONENTS / stage).rglob("*.py")):
        modules = list(imports_of(file))
        if file.name != "component.py":
            assert not any(belongs_to(module, f"{PACKAGE}.{stage}.component") for module in modules), file.name
        if file.name not in ("component.py", "stage.py"):
            assert not any(belongs_to(module, f"{PACKAGE}.{stage}.stage") for module in modules), file.name
