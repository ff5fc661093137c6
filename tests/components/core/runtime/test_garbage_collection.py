import gc
from collections.abc import Iterator

import pytest

from labelcycle.components.core.runtime.garbage_collection import OBJECTS, without_garbage_collection
from labelcycle.pipelines.cli import main


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.enable()


def test_the_command_collects_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["labelcycle", "--version"])
    with pytest.raises(SystemExit):
        main.main()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == OBJECTS


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
