"""The object store dies while a campaign runs, and comes back on the same disk: nothing is lost."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.commits import Commit, read_commits
from labelcycle.components.core.storage import Store, open_store
from tests.installed_command import COMMAND
from tests.services.conftest import SECONDS
from tests.services.quick import QUICK
from tests.services.swift.cluster import SwiftCluster

SETTINGS = ["--budget", "16", "--batch", "8", *QUICK]


@pytest.fixture
def start_run(swift_root: str, mlflow: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """A function that starts `labelcycle run` and returns at once."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [COMMAND, "run", swift_root],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def await_key(store: Store, prefix: str, process: subprocess.Popen[str]) -> None:
    """Wait until the run has written an object whose key starts with `prefix`."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if store.keys(prefix):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {prefix} in {store.keys('')}; the run ended with {process.poll()}")


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, errors = process.communicate(timeout=SECONDS)
    return process.returncode, out, errors


def digests(commits: list[Commit]) -> dict[str, str]:
    """The digest of every object that the commits name, by its key."""
    return {reference.key: reference.sha256 for commit in commits for reference in commit.objects.values()}


@pytest.mark.draws
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_the_server_ends_in_the_middle_of_a_cycle(
    how: str,
    labelcycle: Callable[..., Any],
    begin: Callable[..., Any],
    cluster: SwiftCluster,
    swift_root: str,
    embeddings: Path,
    start_run: Callable[[], subprocess.Popen[str]],
) -> None:
    undisturbed = begin(budget=16, batch=8)
    for _ in range(3):
        undisturbed.run_cycle()
    begun = labelcycle("init", swift_root, "--embeddings", embeddings, *SETTINGS)
    assert begun.returncode == 0, begun.stderr

    disturbed = start_run()
    await_key(open_store(swift_root), "cycles/1/", disturbed)
    getattr(cluster, how)()
    code, out, errors = finish(disturbed)
    assert code == 2, errors
    assert "cycle 0: cold start" in out and "cycle 1" not in out
    assert f"Cannot reach S3 for {swift_root}/" in errors and "run again" in errors
    assert "Traceback" not in errors

    cluster.start()
    assert [commit.cycle for commit in read_commits(open_store(swift_root))] == [0]
    code, out, errors = finish(start_run())
    assert code == 0, errors
    assert "cycle 1: 8 labels" in out and out.endswith("done: the budget of 16 labels is spent\n")
    assert digests(read_commits(open_store(swift_root))) == digests(undisturbed.state.commits)


def test_a_run_lives_through_an_outage_that_is_over_before_its_patience(
    cluster: SwiftCluster, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("key", b"content")
    pauses: list[float] = []

    def pause(seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        pauses.append(seconds)
        monkeypatch.setattr(time, "sleep", sleep)
        cluster.start()

    cluster.kill()
    monkeypatch.setattr(time, "sleep", pause)
    assert store.read("key") == b"content"
    assert len(pauses) == 1
