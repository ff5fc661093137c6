"""What goes through a store is counted, and nothing else about it is changed."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.store import Traffic, traffic


@pytest.fixture
def moved() -> Callable[[], Traffic]:
    """A function that says what was moved since the test began."""
    before = traffic()
    return lambda: traffic() - before


def test_whole_objects_are_counted(store_root: str, tmp_path: Path, moved: Callable[[], Traffic]) -> None:
    store = open_store(store_root)
    (tmp_path / "file").write_bytes(b"123456")
    store.write("a", b"12")
    assert store.write_if_absent("b", b"123") and not store.write_if_absent("b", b"1234")
    store.upload(tmp_path / "file", "c")
    assert moved() == Traffic(read=0, written=11)
    assert store.read("a") == b"12" and store.fetch("c").read_bytes() == b"123456"
    assert moved() == Traffic(read=8, written=11)


def test_listings_and_failures_count_for_nothing(store_root: str, moved: Callable[[], Traffic]) -> None:
    store = open_store(store_root)
    for ask in (store.read, store.fetch):
        with pytest.raises(FileNotFoundError):
            ask("missing")
    assert store.keys("") == [] and not store.exists("a") and store.locate("a").startswith(store.root)
    assert moved() == Traffic()


def test_threads_count_together(tmp_path: Path, moved: Callable[[], Traffic]) -> None:
    store = open_store(str(tmp_path))
    store.write("a", b"1234")
    threads = [threading.Thread(target=lambda: [store.read("a") for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert moved() == Traffic(read=800, written=4)
