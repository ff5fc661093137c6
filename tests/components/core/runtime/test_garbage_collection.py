import atexit
import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from labelcycle.components.core.runtime.garbage_collection import OBJECTS, without_garbage_collection
from labelcycle.pipelines.cli import main


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    atexit.unregister(gc.freeze)
    gc.set_threshold(*thresholds)
    gc.enable()


def test_the_command_collects_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["labelcycle", "--version"])
    with pytest.raises(SystemExit):
        main.main()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == OBJECTS


ENDING = """
import atexit, gc
from labelcycle.components.core.runtime.garbage_collection import collect_seldom

class Cycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        print("taken down")

kept = Cycle()
{collector}
atexit.register(print, "exit handlers run")
"""


@pytest.mark.parametrize(
    ("collector", "printed"),
    [("collect_seldom()", ["exit handlers run"]), ("", ["exit handlers run", "taken down"])],
)
def test_the_end_of_a_process_does_not_look_for_garbage(collector: str, printed: list[str]) -> None:
    code = ENDING.format(collector=collector)
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert ended.stdout.splitlines() == printed


def test_a_block_without_garbage_collection() -> None:
    with pytest.raises(ValueError), without_garbage_collection():
        assert not gc.isenabled()
        raise ValueError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with without_garbage_collection():
        pass
    assert not gc.isenabled()
