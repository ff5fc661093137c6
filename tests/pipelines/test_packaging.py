"""What is installed is what is in the repository."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_is_listed() -> None:
    folders = {path.parent for part in ("components", "pipelines") for path in (ROOT / part).rglob("*.py")}
    names = {"labelcycle." + ".".join(folder.relative_to(ROOT).parts) for folder in folders}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert settings["packages"] == sorted(names)


def test_every_data_file_is_listed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for part in ("components", "pipelines"):
        patterns = settings["package-data"][f"labelcycle.{part}"]
        files = [path for path in (ROOT / part).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        listed = {path for pattern in patterns for path in (ROOT / part).glob(pattern)}
        assert [path for path in files if path.suffix not in (".py", ".md") and path not in listed] == []
