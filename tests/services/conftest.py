"""Real servers, started by the tests on loopback; skipped unless `make test-services` asks for them."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installed_command import Command, command_in
from tests.pipelines.conftest import empty_database, mlflow

__all__ = ["empty_database", "mlflow"]

HERE = Path(__file__).parent
ENABLED = "LABELCYCLE_TEST_SERVICES"
AXE = "axe-core@4.14.1"
SECONDS = 1800
"""Only so that nothing waits for ever: servers and commands are slow where other work has the cores."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "services: needs real servers, which `make test-services` installs and enables")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    off = pytest.mark.skip(reason=f"starts real servers: run make test-services ({ENABLED}=1)")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.services)
            item.add_marker(pytest.mark.timeout(SECONDS))
            if os.environ.get(ENABLED) != "1":
                item.add_marker(off)


@pytest.fixture
def labelcycle(tmp_path: Path) -> Command:
    """A function that runs the installed command in a folder of the test; it never sees a traceback."""
    return command_in(tmp_path / "working-directory", SECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by playwright, whose event loop runs on in this thread until the module is done."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, which finds what keeps people out."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to fetch axe-core with: apt-get install npm")
    folder = tmp_path_factory.mktemp("axe")
    fetched = subprocess.run([npm, "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch {AXE}: {fetched.stderr.strip()[-300:]}")
    with tarfile.open(folder / fetched.stdout.split()[-1]) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()
