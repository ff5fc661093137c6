"""What the tests of harnesses share."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.warm_start import warm_python

REPOSITORY = Path(__file__).parents[2]
HARNESS_SECONDS = 800


@pytest.fixture
def counts_of(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A function: the name of a harness in this folder and its flags → what it counted; it must have found nothing."""

    def counted(harness: str, *flags: str) -> dict[str, Any]:
        counts = tmp_path / "counts.json"
        ran = subprocess.run(
            [warm_python(), "-m", f"tests.harness.{harness}", *flags, "--json", str(counts)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=HARNESS_SECONDS,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        found: dict[str, Any] = json.loads(counts.read_text())
        return found

    return counted
