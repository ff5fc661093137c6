"""The command line as users have it, and an MLflow database that is ready, because making one takes seconds."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.harness.label_studio_api import PERSONAL, Api, running
from tests.installed_command import COMMAND, Command, command_in
from tests.warm_start import warm_python

__all__ = ["COMMAND"]


@pytest.fixture(scope="session", autouse=True)
def quick_compilation() -> Iterator[None]:
    """Compile in a tenth of a second, where a process that has loaded thousands of modules needs many.

    For each setting of a task kfp asks `inspect.stack()` for the name of a method, and that looks for the source of
    every frame in every module.
    """
    if os.environ.get("LABELCYCLE_TEST_COLD"):
        yield
        return
    from kfp.dsl import pipeline_task

    def stack() -> list[tuple[None, None, None, str]]:
        frame = sys._getframe(1)
        caller = frame.f_back
        return [(None, None, None, place.f_code.co_name) for place in (frame, caller) if place is not None]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_task, "inspect", SimpleNamespace(stack=stack))
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with MLflow's tables and nothing else."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    script = "import mlflow; mlflow.set_tracking_uri('sqlite:///' + sys.argv[1]); mlflow.search_experiments()"
    subprocess.run([sys.executable, "-c", f"import sys; {script}", str(path)], check=True, capture_output=True)
    return path


@pytest.fixture
def mlflow(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The MLflow database of this test, for processes that it starts as well."""
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "KFP_")):
            monkeypatch.delenv(name)
    path = tmp_path / "mlflow.db"
    shutil.copyfile(empty_database, path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    return path


@pytest.fixture
def labelcycle(tmp_path: Path) -> Command:
    """A function that runs the installed command in a folder of the test; it never sees a traceback."""
    return command_in(tmp_path / "working-directory", seconds=300)


@pytest.fixture
def warm_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that the local engine starts from this test's process begin with everything imported."""
    monkeypatch.setattr(sys, "executable", warm_python())


@pytest.fixture
def write_npz(tmp_path: Path) -> Callable[..., str]:
    """A function: changes → an npz file of six good embeddings with these changes; None leaves an array out."""

    def write(**changes: object) -> str:
        arrays = {
            "ids": np.array([f"sample-{number}" for number in range(6)]),
            "features": np.arange(24, dtype=np.float32).reshape(6, 4),
            "labels": np.array(["cat", "dog"] * 3),
            "splits": np.array(["test", "test", "val", "pool", "pool", "pool"]),
        }
        arrays = {name: array for name, array in (arrays | changes).items() if array is not None}  # type: ignore[misc]
        np.savez(tmp_path / "embeddings.npz", **arrays)
        return str(tmp_path / "embeddings.npz")

    return write


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A server that answers as Label Studio does; the environment holds a token that it takes."""
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", PERSONAL)
    monkeypatch.delenv("LABEL_STUDIO_TOKEN_FILE", raising=False)
    with running(Api()) as server:
        yield server
