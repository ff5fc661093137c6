"""The Containerfile agrees with the project; no engine is needed to see that."""

import re
import tomllib
from pathlib import Path

from labelcycle.components.core.config import environment as image

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "images" / "Containerfile").read_text()


def test_version_is_that_of_the_project_and_of_the_components() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.findall(r'image\.version="([^"]*)"', CONTAINERFILE) == [version]
    assert f'"labelcycle-python:{version}"' in Path(image.__file__).read_text()


def test_every_stage_is_built_on_the_base_image_or_on_one_before() -> None:
    assert re.findall(r"^FROM (\S+) AS (\S+)$", CONTAINERFILE, re.MULTILINE) == [
        ("${BASE_IMAGE}", "dependencies"),
        ("dependencies", "project"),
        ("${BASE_IMAGE}", "cpu"),
        ("cpu", "cuda"),
    ]
    assert "HEALTHCHECK" not in CONTAINERFILE
