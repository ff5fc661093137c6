"""What only a folder can do wrong."""

import errno
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage.folder import FolderStore


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "root")


def files_below(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


def test_a_file_cannot_be_a_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="is a file; a campaign root must be a folder"):
        FolderStore(tmp_path / "file")


def test_root_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert FolderStore(Path("here")).root == str(tmp_path / "here")


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FolderStore(Path("~/here")).root == str(tmp_path / "here")


def test_fetch_gives_the_file_itself(store: FolderStore) -> None:
    store.write("a/b", b"")
    assert str(store.fetch("a/b")) == store.locate("a/b")


def test_full_disk_leaves_the_old_content_and_nothing_else(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    store.write("key", b"old")
    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(shutil, "copyfile", full)
    for use in (
        lambda: store.write("key", b"new"),
        lambda: store.write_if_absent("other", b"new"),
        lambda: store.upload(tmp_path, "key"),
    ):
        with pytest.raises(TransientError, match="No space left on device. Free space"):
            use()
    assert store.read("key") == b"old"
    assert files_below(store.root) == ["key"]


def test_successful_writes_leave_no_temporary_files(store: FolderStore) -> None:
    store.write("a", b"")
    store.write_if_absent("a", b"")
    store.write_if_absent("b", b"")
    assert files_below(store.root) == ["a", "b"]


def test_a_file_where_a_folder_is_needed_is_no_lost_race(store: FolderStore) -> None:
    store.write("a", b"")
    for key in ("a/b", "a/b/c"):
        with pytest.raises(ConfigurationError, match="Cannot write .* is in its way"):
            store.write_if_absent(key, b"")
        with pytest.raises(ConfigurationError, match="Cannot write .* is in its way"):
            store.write(key, b"")
    assert files_below(store.root) == ["a"]


def test_a_folder_cannot_be_replaced_by_an_object(store: FolderStore) -> None:
    store.write("a/b", b"")
    with pytest.raises(ConfigurationError, match="Cannot write .* is in its way"):
        store.write("a", b"")
    assert store.keys("") == ["a/b"]


def test_file_systems_without_hard_links_are_named(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*arguments: object) -> NoReturn:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    with pytest.raises(ConfigurationError, match="no hard links"):
        store.write_if_absent("key", b"")
    assert files_below(store.root) == []


def test_forbidden_files_are_named(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    store.write("key", b"")
    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(ConfigurationError, match="root/key may not be read: Permission denied. Grant read"):
        store.read("key")
