"""The bill of materials names every package of the image's lock, with its version and its digests."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LOCK = REPOSITORY / "images" / "requirements.lock"
PROGRAM = REPOSITORY / ".venv-audit" / "bin" / "cyclonedx-py"

pytestmark = pytest.mark.skipif(
    "LABELCYCLE_TEST_SECURITY" not in os.environ, reason="LABELCYCLE_TEST_SECURITY is not set"
)


def test_every_package_of_the_image_is_in_the_bill(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.json"
    settings = ["--pyproject", str(REPOSITORY / "pyproject.toml"), "--output-reproducible", "--of", "JSON"]
    done = subprocess.run(
        [PROGRAM, "requirements", *settings, "--output-file", str(bill), str(LOCK)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    content = json.loads(bill.read_text())
    assert content["bomFormat"] == "CycloneDX" and content["metadata"]["component"]["name"] == "labelcycle"
    named = {component["name"].lower(): component for component in content["components"]}
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", LOCK.read_text(), re.MULTILINE))
    assert len(pins) > 100
    for name, version in pins.items():
        assert named[name.lower()]["version"] == version
        assert any(reference.get("hashes") for reference in named[name.lower()]["externalReferences"]), name
