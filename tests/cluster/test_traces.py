"""A node leaves nothing on this machine, however it ends. These tests run before the session's cluster is there."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.binaries import built
from tests.cluster.cache import cache_folder
from tests.cluster.node import Node
from tests.cluster.stop import stop_kept
from tests.cluster.traces import traces

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_left(cluster_allowed: None) -> Iterator[None]:
    """What there was before the test is what there is after it."""
    stop_kept(cache_folder())
    built(cache_folder())
    before = traces()
    yield
    assert traces() == before


@contextmanager
def trial(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A node in a process of its own, up. It can be interrupted, also where these tests run in the background."""
    command = ["env", "--default-signal=INT", sys.executable, "-m", "tests.cluster.trial_node", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        if process.stdout.readline() != "ready\n":
            pytest.fail(process.stderr.read())
        yield process


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_told_to_end(how: signal.Signals) -> None:
    with trial() as process:
        assert "labelcycle-test" in traces()["links"]
        process.send_signal(how)
        process.wait(120)
    assert process.returncode != 0


def test_failure() -> None:
    with trial("fail") as process:
        process.wait(120)
    assert process.returncode == 1


def test_killed_outright() -> None:
    """The kernel ends the node; its cgroups have no process any more, and the next run removes them."""
    with trial() as process:
        process.kill()
        process.wait(120)
    cache = cache_folder()
    node = Node(cache / "node", cache / "images", built(cache))
    try:
        node.start_containerd()
        assert "labelcycle-test" in traces()["links"]
    finally:
        node.stop()


def test_kept_and_ended_later() -> None:
    with trial("keep") as process:
        process.wait(120)
    assert process.returncode == 0
    assert "labelcycle-test" in traces()["links"]
    assert stop_kept(cache_folder())
    assert not stop_kept(cache_folder())
