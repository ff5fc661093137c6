"""The lock of the images is the part of the project's lock that runs."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pins(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes by package."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", lock.read_text()):
        if match := re.match(r"([a-z0-9.-]+)==(\S+)", block):
            found[match[1]] = match[2], frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", block))
    return found


IMAGES, PROJECT = pins(ROOT / "images" / "requirements.lock"), pins(ROOT / "requirements.lock")


def test_same_versions_and_hashes_as_the_project() -> None:
    assert {name: pin for name, pin in IMAGES.items() if PROJECT.get(name) != pin} == {}


def test_every_package_is_hashed() -> None:
    assert [name for name, (_, hashes) in IMAGES.items() if not hashes] == []


def test_what_the_project_needs_is_there_and_what_only_tests_need_is_not() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {re.split("[<>=]", needed)[0] for needed in project["dependencies"]} <= IMAGES.keys()
    assert IMAGES.keys().isdisjoint(
        {"pytest", "mypy", "ruff", "moto", "hypothesis", "scikit-activeml", "kubernetes-validate"}
    )
