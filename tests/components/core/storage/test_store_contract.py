"""What both stores promise, one test a promise."""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import Store, open_store

UNUSUAL_KEYS = ["ünïcødé/画像 1.png", "a b/c+d%20e.txt", "#?&=;.json", "deep/er/and/deep/er", "emoji 🐈"]


@pytest.fixture
def store(store_root: str) -> Store:
    return open_store(store_root)


WRITER = """
import json, sys
from labelcycle.components.core.storage import open_store
root, number = sys.argv[1:]
store = open_store(root)
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([key for key in range(20) if store.write_if_absent(f"{key}/commit.json", number.encode())]))
"""


def test_root_and_addresses(store: Store, store_root: str) -> None:
    assert store.root == store_root
    assert store.locate("cycles/0/commit.json") == f"{store_root}/cycles/0/commit.json"


def test_written_content_is_read_back(store: Store) -> None:
    store.write("a/b.bin", b"\x00\xff")
    assert store.read("a/b.bin") == b"\x00\xff"


def test_empty_content_is_content(store: Store) -> None:
    store.write("empty", b"")
    assert store.exists("empty")
    assert store.read("empty") == b""


def test_writing_again_replaces(store: Store) -> None:
    store.write("key", b"a longer first content")
    store.write("key", b"second")
    assert store.read("key") == b"second"


def test_upload_takes_the_content_of_a_file(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"x" * 1000)
    store.write("key", b"old")
    store.upload(source, "key")
    assert store.read("key") == b"x" * 1000
    assert source.read_bytes() == b"x" * 1000


def test_fetch_gives_a_local_file(store: Store) -> None:
    store.write("a/b", b"content")
    assert store.fetch("a/b").read_bytes() == b"content"


def test_fetch_gives_the_newest_content(store: Store) -> None:
    store.write("a", b"first")
    store.fetch("a")
    store.write("a", b"second")
    assert store.fetch("a").read_bytes() == b"second"


def test_fetched_files_live_as_long_as_the_store(store: Store) -> None:
    for name in ("a", "b/a"):
        store.write(name, name.encode())
    paths = [store.fetch(name) for name in ("a", "b/a")]
    gc.collect()
    assert [path.read_bytes() for path in paths] == [b"a", b"b/a"]


def test_exists(store: Store) -> None:
    assert not store.exists("a/b")
    store.write("a/b", b"")
    assert store.exists("a/b")
    assert not store.exists("a")
    assert not store.exists("a/b/c")


@pytest.mark.parametrize("key", ["missing", "folder", "folder/object/below"])
def test_missing_objects(store: Store, key: str) -> None:
    store.write("folder/object", b"")
    with pytest.raises(FileNotFoundError):
        store.read(key)
    with pytest.raises(FileNotFoundError):
        store.fetch(key)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["a", "b/1", "b/2", "b/deep/3", "bc"]),
        ("b", ["b/1", "b/2", "b/deep/3", "bc"]),
        ("b/", ["b/1", "b/2", "b/deep/3"]),
        ("b/d", ["b/deep/3"]),
        ("b/deep/", ["b/deep/3"]),
        ("missing", []),
        ("missing/deep/", []),
        ("a/", []),
    ],
)
def test_keys_by_prefix(store: Store, prefix: str, expected: list[str]) -> None:
    for key in ("b/2", "bc", "a", "b/deep/3", "b/1"):
        store.write(key, b"")
    assert store.keys(prefix) == expected


def test_when_objects_were_written(store: Store) -> None:
    before = time.time()
    for key in ("a/1", "a/2", "b"):
        store.write(key, b"")
    written = store.written("a/")
    assert sorted(written) == ["a/1", "a/2"] and store.written("missing/") == {}
    assert all(before - 2 < when < time.time() + 2 for when in written.values())
    time.sleep(1.1)  # S3 says when to the second
    store.write("a/1", b"again")
    assert store.written("a/")["a/1"] > written["a/1"] and store.written("a/")["a/2"] == written["a/2"]


def test_a_copy_with_an_old_date_was_written_when_it_was_copied(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"")
    os.utime(tmp_path / "key", (0, 0))
    assert open_store(str(tmp_path)).written("")["key"] > time.time() - 60


def test_keys_of_a_root_that_does_not_exist_yet(store: Store) -> None:
    assert store.keys("") == []


def test_keys_leave_out_unfinished_writes(store: Store) -> None:
    store.write("finished", b"")
    unfinished = Path(store.root) / ".unfinished-0123"
    if store.root.startswith("/"):
        unfinished.write_bytes(b"half")
    assert store.keys("") == ["finished"]


@pytest.mark.parametrize("key", UNUSUAL_KEYS)
def test_unusual_keys(store: Store, key: str) -> None:
    store.write(key, key.encode())
    assert store.read(key) == key.encode()
    assert store.fetch(key).read_bytes() == key.encode()
    assert store.keys("") == [key]


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../outside", "a/../../outside", "a/..", ".", "a//b", "./a", "a/"])
def test_keys_that_are_not_plain_paths_below_the_root_are_refused(store: Store, key: str, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"")
    for use in (
        lambda: store.read(key),
        lambda: store.write(key, b""),
        lambda: store.write_if_absent(key, b""),
        lambda: store.upload(local, key),
        lambda: store.fetch(key),
        lambda: store.exists(key),
    ):
        with pytest.raises(ConfigurationError, match="campaign root"):
            use()
    assert store.keys("") == []


@pytest.mark.parametrize("prefix", ["/", "/etc", "../", "..", "a/../../b", "a//"])
def test_prefixes_that_are_not_below_the_root_are_refused(store: Store, prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="campaign root"):
        store.keys(prefix)


def test_write_if_absent_keeps_what_is_there(store: Store) -> None:
    assert store.write_if_absent("a/key", b"first")
    assert not store.write_if_absent("a/key", b"second")
    assert store.read("a/key") == b"first"
    assert store.keys("") == ["a/key"]


def test_write_if_unchanged_keeps_what_others_wrote(store: Store) -> None:
    assert not store.write_if_unchanged("a/key", b"new", b"") and not store.exists("a/key")
    store.write("a/key", b"first")
    assert store.write_if_unchanged("a/key", b"second", b"first")
    assert not store.write_if_unchanged("a/key", b"third", b"first")
    assert store.read("a/key") == b"second"


def test_write_if_unchanged_loses_no_addition_of_many_threads(store: Store) -> None:
    store.write("list", b"")

    def add(number: int) -> None:
        while not store.write_if_unchanged("list", (before := store.read("list")) + b"%d," % number, before):
            pass

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(8)))
    assert sorted(store.read("list").split(b",")[:-1]) == [b"%d" % number for number in range(8)]


def test_write_if_absent_is_won_by_one_of_many_threads(store: Store) -> None:
    together = threading.Barrier(16)

    def attempt(number: int) -> bool:
        together.wait()
        return store.write_if_absent("commit.json", str(number).encode())

    with ThreadPoolExecutor(16) as executor:
        won = list(executor.map(attempt, range(16)))
    assert won.count(True) == 1
    assert store.read("commit.json") == str(won.index(True)).encode()


def test_write_if_absent_is_won_by_one_of_many_processes(store: Store) -> None:
    command = [sys.executable, "-c", WRITER, store.root]
    writers = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    for writer in writers:
        assert writer.stdout and writer.stdin
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    won = [json.loads(writer.communicate()[0]) for writer in writers]
    assert sorted(key for keys in won for key in keys) == list(range(20))
    for number, keys in enumerate(won):
        assert all(store.read(f"{key}/commit.json") == str(number).encode() for key in keys)


def test_readers_see_whole_objects_while_they_are_replaced(store: Store) -> None:
    contents = {bytes([number]) * 200_000 for number in range(8)}
    store.write("key", min(contents))
    with ThreadPoolExecutor(4) as executor:
        writes = [executor.submit(store.write, "key", content) for content in sorted(contents)]
        seen = [store.read("key") for _ in range(12)]
        for write in writes:
            write.result()
    assert set(seen) <= contents
