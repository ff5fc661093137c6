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
    assert (moved().read, moved().written) == (0, 11)
    assert store.read("a") == b"12" and store.fetch("c").read_bytes() == b"123456"
    assert (moved().read, moved().written) == (8, 11)


def test_requests_are_counted_as_they_are_sent(store_root: str, moved: Callable[[], Traffic]) -> None:
    store = open_store(store_root)
    store.write("a", b"12")
    store.read("a")
    store.keys("")
    store.exists("a")
    assert moved().requests == 4
    store.fetch("a")
    assert moved().requests == (6 if store_root.startswith("s3://") else 5), "with S3 its size is asked for first"


def test_listings_and_failures_have_no_bytes(store_root: str, moved: Callable[[], Traffic]) -> None:
    store = open_store(store_root)
    for ask in (store.read, store.fetch):
        with pytest.raises(FileNotFoundError):
            ask("missing")
    assert store.keys("") == [] and not store.exists("a") and store.locate("a").startswith(store.root)
    assert (moved().read, moved().written) == (0, 0) and moved().requests >= 4


def test_threads_count_together(tmp_path: Path, moved: Callable[[], Traffic]) -> None:
    store = open_store(str(tmp_path))
    store.write("a", b"1234")
    threads = [threading.Thread(target=lambda: [store.read("a") for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert moved() == Traffic(read=800, written=4, requests=201)
