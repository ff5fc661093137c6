"""What the folder store makes of disks and mounts that fail, and of a power cut."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, TransientError
from labelcycle.components.core.storage import folder as module
from labelcycle.components.core.storage.folder import FolderStore

WRITE_FAILURES = [
    (errno.ENOSPC, TransientError, "No space left on device. Free space"),
    (errno.EDQUOT, TransientError, "Disk quota exceeded. Free space, or raise the quota"),
    (errno.EFBIG, TransientError, "File too large. Free space, or raise the quota or limit"),
    (errno.EIO, TransientError, "Input/output error. Look at the disk"),
    (errno.ESTALE, TransientError, "Stale file handle. Mount its file system again"),
    (errno.EMFILE, TransientError, "Too many open files. Run the same command again"),
    (errno.ENOENT, TransientError, "No such file or directory. Run the same command again"),
    (errno.EROFS, ConfigurationError, "Read-only file system. Mount it for writing"),
    (errno.EACCES, ConfigurationError, "may not be written: Permission denied. Grant write access"),
    (errno.ENAMETOOLONG, ConfigurationError, "File name too long. Choose a shorter root"),
]
READ_FAILURES = [
    (errno.EIO, TransientError, "Input/output error. Look at the disk"),
    (errno.ESTALE, TransientError, "Stale file handle. Mount its file system again"),
    (errno.EACCES, ConfigurationError, "may not be read: Permission denied. Grant read access"),
    (errno.ENAMETOOLONG, ConfigurationError, "File name too long. Choose a shorter root"),
]


def failing(number: int) -> Callable[..., Any]:
    def fail(*arguments: object, **settings: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "root")
    store.write("folder/key", b"old")
    return store


def files_below(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("call", ["os.fsync", "os.link", "os.replace", "Path.write_bytes", "shutil.copyfile"])
@pytest.mark.parametrize(("number", "error", "message"), WRITE_FAILURES, ids=lambda value: str(value))
def test_writes_that_fail_leave_the_old_object_and_say_what_to_do(
    call: str,
    number: int,
    error: type[LabelcycleError],
    message: str,
    store: FolderStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"new")
    if call == "Path.write_bytes":
        monkeypatch.setattr(Path, "write_bytes", failing(number))
    elif call == "os.replace":
        monkeypatch.setattr(Path, "replace", failing(number))
    else:
        owner, name = call.split(".")
        monkeypatch.setattr(getattr(module, owner), name, failing(number))
    failed = 0
    for key, use in (
        ("folder/key", lambda: store.write("folder/key", b"new")),
        ("folder/new", lambda: store.write_if_absent("folder/new", b"new")),
        ("folder/key", lambda: store.upload(local, "folder/key")),
    ):
        try:
            use()
        except LabelcycleError as raised:
            failed += 1
            assert type(raised) is error
            assert message in str(raised)
            assert key in str(raised)
    monkeypatch.undo()
    assert failed == {"os.fsync": 3, "os.replace": 2, "Path.write_bytes": 2}.get(call, 1)
    if call in ("os.fsync", "os.replace"):
        assert store.read("folder/key") == b"old"
    assert not [name for name in files_below(store.root) if name.startswith(".unfinished-")]


@pytest.mark.parametrize(("number", "error", "message"), READ_FAILURES, ids=lambda value: str(value))
def test_reads_that_fail_say_what_to_do(
    number: int, error: type[LabelcycleError], message: str, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses: dict[str, Callable[[], object]] = {
        "read_bytes": lambda: store.read("folder/key"),
        "is_file": lambda: store.fetch("folder/key"),
        "is_file again": lambda: store.exists("folder/key"),
    }
    for name, use in uses.items():
        with monkeypatch.context() as patch, pytest.raises(error) as caught:
            patch.setattr(Path, name.split()[0], failing(number))
            use()
        assert message in str(caught.value)
        assert "folder/key" in str(caught.value)


@pytest.mark.parametrize(("number", "error", "message"), READ_FAILURES, ids=lambda value: str(value))
def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    number: int, error: type[LabelcycleError], message: str, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refuse(folder: str) -> Any:
        return failing(number)() if str(folder).endswith("folder") else scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(error) as caught:
        store.keys("")
    assert message in str(caught.value)


def test_a_file_that_is_replaced_while_a_network_file_system_reads_it_is_read_again(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, stale = Path.read_bytes, [errno.ESTALE, errno.ESTALE]

    def read_bytes(path: Path) -> bytes:
        return failing(stale.pop())() if stale else read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert store.read("folder/key") == b"old"


def test_a_lost_answer_to_a_link_is_no_lost_race(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def link_and_ask_again(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", link_and_ask_again)
    assert store.write_if_absent("commit.json", b"mine")
    assert not store.write_if_absent("commit.json", b"mine")


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is forced to disk or named from now on, in order."""
    done: list[str] = []
    sync, link, replace = os.fsync, os.link, Path.replace

    def name_of(path: object) -> str:
        name = Path(str(path)).name
        return "temporary" if name.startswith(".unfinished-") else name

    def recorded_sync(descriptor: int) -> None:
        sync(descriptor)
        done.append(f"sync {name_of(Path(f'/proc/self/fd/{descriptor}').readlink())}")

    def recorded_link(source: Path, target: Path) -> None:
        link(source, target)
        done.append(f"name {name_of(target)}")

    def recorded_replace(source: Path, target: Path) -> Path:
        done.append(f"name {name_of(target)}")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(os, "link", recorded_link)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    return done


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to see what is synced")
def test_content_is_durable_before_its_name_and_its_name_before_the_next_write(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = recorded(monkeypatch)
    store.write("folder/object", b"")
    store.upload(Path(store.locate("folder/object")), "folder/upload")
    store.write_if_absent("folder/commit", b"")
    assert done == [
        *("sync temporary", "name object", "sync folder"),
        *("sync temporary", "name upload", "sync folder"),
        *("sync temporary", "name commit", "sync folder"),
    ]
    done.clear()
    store.write_if_absent("folder/commit", b"")
    assert done == ["sync temporary", "sync folder"]
    done.clear()
    store.write("new/deeper/object", b"")
    assert done == ["sync root", "sync new", "sync temporary", "name object", "sync deeper"]


def test_a_name_that_is_perhaps_not_durable_is_no_success(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def of_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files)
    for use in (lambda: store.write("folder/key", b"new"), lambda: store.write_if_absent("folder/commit", b"new")):
        for _ in range(2):
            with pytest.raises(TransientError, match="Input/output error"):
                use()
    monkeypatch.undo()
    assert not store.write_if_absent("folder/commit", b"new")
    assert store.read("folder/commit") == store.read("folder/key") == b"new"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF])
def test_file_systems_whose_folders_cannot_be_synced(
    number: int, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, sync = os.open, os.fsync
    folders: list[int] = []

    def open_folder(*arguments: Any, **settings: Any) -> int:
        descriptor = opened(*arguments, **settings)
        folders.append(descriptor)
        return descriptor

    monkeypatch.setattr(os, "open", open_folder)
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: failing(number)() if descriptor in folders else sync(descriptor)
    )
    store.write("folder/key", b"new")
    assert folders
    assert store.read("folder/key") == b"new"


def test_leftovers_of_killed_writers_are_removed_a_day_later(store: FolderStore) -> None:
    folder = Path(store.locate("folder/key")).parent
    now = folder.stat().st_mtime
    ages = {"old": module.LEFTOVER_SECONDS + 60, "of-today": module.LEFTOVER_SECONDS - 60, "future": -1e9}
    for name, age in ages.items():
        leftover = folder / f"{module.UNFINISHED}{name}"
        leftover.write_bytes(b"half of an obj")
        os.utime(leftover, (now - age, now - age))
    os.utime(folder / "key", (0, 0))
    FolderStore(Path(store.root)).write("folder/another", b"")
    assert files_below(store.root) == [".unfinished-future", ".unfinished-of-today", "another", "key"]


def test_a_writer_whose_unfinished_file_was_removed_fails_and_may_run_again(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def remove_first(source: Path, target: Path) -> None:
        source.unlink()
        link(source, target)

    monkeypatch.setattr(os, "link", remove_first)
    with pytest.raises(TransientError, match="Cannot write .*commit.json"):
        store.write_if_absent("commit.json", b"")
    monkeypatch.undo()
    assert store.write_if_absent("commit.json", b"")
