"""A name means one thing: no two classes share one, nor two files, but for those that every stage or command has."""

import ast
from collections import defaultdict
from pathlib import Path

HOUSE = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("components", "pipelines") for path in (HOUSE / folder).rglob("*.py"))

OF_EVERY_STAGE = {"__init__.py", "stage.py", "component.py"}

FOR_USERS = {"Campaign"}
"""What users call so, in `pipelines/api`, stands for what the stages call so."""


def test_no_two_classes_have_one_name() -> None:
    found = defaultdict(list)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for_users = path.parent.name == "api" and getattr(node, "name", "") in FOR_USERS
            if isinstance(node, ast.ClassDef) and not for_users:
                found[node.name].append(str(path.relative_to(HOUSE)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_no_two_files_have_one_name() -> None:
    """The module of a command in `pipelines/cli` has the name of what it runs."""
    found = defaultdict(list)
    for path in SOURCES:
        if path.name not in OF_EVERY_STAGE and path.parent.name != "cli":
            found[path.name].append(str(path.relative_to(HOUSE)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
