"""Real servers, started by the tests on loopback; skipped unless `make test-services` asks for them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.conftest import COMMAND, empty_database, mlflow

__all__ = ["empty_database", "mlflow"]

HERE = Path(__file__).parent
ENABLED = "LABELCYCLE_TEST_SERVICES"
SECONDS = 1800
"""Only so that nothing waits for ever: servers and commands are slow where other work has the cores."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "services: needs real servers, which `make test-services` installs and enables")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    off = pytest.mark.skip(reason=f"starts Swift and MLflow servers: run make test-services ({ENABLED}=1)")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.services)
            item.add_marker(pytest.mark.timeout(SECONDS))
            if os.environ.get(ENABLED) != "1":
                item.add_marker(off)


@pytest.fixture
def labelcycle(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs the installed command in a folder of the test; it never sees a traceback."""
    folder = tmp_path / "working-directory"
    folder.mkdir()

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        answer = subprocess.run(
            [COMMAND, *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"COLUMNS": "200", "HF_HUB_OFFLINE": "1"} | environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert "Traceback" not in answer.stderr, answer.stderr
        return answer

    return run
