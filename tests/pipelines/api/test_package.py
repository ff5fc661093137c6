"""`import labelcycle`: cheap, and the same objects as everywhere else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import labelcycle
from labelcycle.components.core import errors
from labelcycle.pipelines import api

ROOT = Path(__file__).parents[3]
HEAVY = ("numpy", "pandas", "pyarrow", "pydantic", "sklearn", "torch", "typer", "labelcycle.pipelines")


def test_importing_it_imports_nothing_heavy() -> None:
    code = f"import sys, labelcycle; dir(labelcycle); print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_name_brings_torch() -> None:
    code = (
        "import sys, labelcycle; [getattr(labelcycle, name) for name in labelcycle.__all__]; "
        "print([name for name in ('torch', 'mlflow', 'kfp', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_is_one_object(name: str) -> None:
    assert getattr(labelcycle, name) is getattr(api, name)


def test_it_stands_beside_the_command_line() -> None:
    """It imports none of the commands, and nothing but `labelcycle` itself imports it."""
    imports = re.compile(r"^\s*(?:from|import) (labelcycle[\w.]*)", re.MULTILINE)
    for path in (ROOT / "pipelines").rglob("*.py"):
        inside = path.parent.name == "api"
        found = imports.findall(path.read_text(encoding="utf-8"))
        wrong = "labelcycle.pipelines.cli" if inside else "labelcycle.pipelines.api"
        assert not [name for name in found if name.startswith(wrong)], path


def test_names_are_listed_and_others_refused() -> None:
    assert {*labelcycle.__all__} == {*api.__all__} == {*api.MODULES, "__version__"}
    assert {*labelcycle.__all__} <= {*dir(labelcycle)} and {*api.__all__} <= {*dir(api)}
    assert labelcycle.errors is errors
    for module in (labelcycle, api):
        with pytest.raises(AttributeError, match="has no attribute 'campaign'"):
            module.campaign  # type: ignore[attr-defined]  # noqa: B018
