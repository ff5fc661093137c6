"""Python in the READMEs: the front page's lines run, and all others name what exists."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import labelcycle
from labelcycle.pipelines.api.backtesting import BacktestResult
from labelcycle.pipelines.initialise.described_settings import described_settings

ROOT = Path(__file__).parents[3]
STANDS_FOR = {
    "labelcycle": labelcycle,
    "campaign": labelcycle.Campaign,
    "learner": labelcycle.ActiveLearner,
    "head": labelcycle.PrototypeClassifier,
    "found": BacktestResult,
}


def blocks(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_lines_of_the_front_page_run() -> None:
    (block,) = blocks("README.md")
    generator = np.random.default_rng(0)
    names: dict[str, Any] = {
        "features": generator.normal(size=(60, 8)),
        "ids": [f"{row}.jpg" for row in range(60)],
        "labels": ["cat", "dog"] * 10,
    }
    exec(block, names)  # noqa: S102
    assert len(names["learner"].labels) == 20
    assert len([line for line in block.splitlines() if line]) <= 6


def calls(block: str) -> Iterator[tuple[Any, ast.Call]]:
    """What is called on one of the names above, and the call."""
    for node in ast.walk(ast.parse(block)):
        if not isinstance(node, ast.Call):
            continue
        path, found = [], node.func
        while isinstance(found, ast.Attribute):
            path, found = [found.attr, *path], found.value
        if isinstance(found, ast.Name) and found.id in STANDS_FOR and path:
            target = STANDS_FOR[found.id]
            for name in path:
                target = getattr(target, name)
            yield target, node


def test_other_pages_call_what_exists() -> None:
    seen = 0
    for block in blocks("pipelines/api/README.md"):
        for target, call in calls(block):
            seen += 1
            given = {keyword.arg for keyword in call.keywords}
            if target == labelcycle.Campaign.create:
                assert given <= {*described_settings()}
                continue
            known = inspect.signature(target).parameters
            if not any(parameter.kind == parameter.VAR_KEYWORD for parameter in known.values()):
                assert given <= {*known}, ast.unparse(call)
    assert seen > 15
