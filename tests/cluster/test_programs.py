"""Where there can be no cluster the tests say why; this needs none."""

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tests.cluster import programs


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has everything."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "exists", lambda path: True)
    monkeypatch.setattr(shutil, "which", lambda name, path: f"/usr/bin/{name}")


def test_nothing_is_in_the_way_where_everything_is_there(complete: None) -> None:
    assert programs.obstacle() is None


def test_other_systems_are_told_so(complete: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert "needs Debian" in str(programs.obstacle())


def test_others_than_root_are_told_so(complete: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "needs root" in str(programs.obstacle())


def test_missing_packages_are_named_once(complete: None, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ("etcd", "nsenter", "unshare")
    monkeypatch.setattr(shutil, "which", lambda name, path: None if name in missing else name)
    assert "apt-get install --no-install-recommends etcd-server util-linux" in str(programs.obstacle())


def test_go_is_asked_for(complete: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None if name == "go" else name)
    assert "needs Go" in str(programs.obstacle())


def test_a_full_disk_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(100e9, 90e9, 10e9))
    assert programs.disk_obstacle(tmp_path, 8) is None
    told = str(programs.disk_obstacle(tmp_path, 32))
    assert "needs 32 GB" in told and "there are 10" in told and "LABELCYCLE_CACHE" in told
