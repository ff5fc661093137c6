"""This machine: packages, memory and disk, and what is said where something is missing."""

import shutil
from importlib import metadata
from pathlib import Path

import pytest

from labelcycle.pipelines.doctor import machine
from tests.pipelines.doctor.conftest import Doctor


def test_this_machine(doctor: Doctor) -> None:
    found = {name: status for name, status in doctor().statuses.items() if name.startswith("machine")}
    assert found.keys() == {f"machine: {name}" for name in ("python", "packages", "torch", "memory", "disk")}
    assert found["machine: python"] == found["machine: torch"] == "pass"


def test_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = machine.check_packages()
    assert whole.status == "pass"
    needs = ["numpy<1", "no-such-package-anywhere>=2", "pytest>=1; extra == 'dev'", "rich"]
    monkeypatch.setattr(metadata, "requires", lambda name: needs)
    (wrong,) = machine.check_packages()
    assert wrong.status == "fail" and "pip install" in wrong.remedy
    assert "numpy is" in wrong.seen and "no-such-package-anywhere is missing" in wrong.seen


def test_little_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  16000000 kB\nMemAvailable:  8388608 kB\n")
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "LIMITS", ((tmp_path / "limit", tmp_path / "used"),))
    assert machine.free_memory() == 8 * machine.GIB
    (tmp_path / "limit").write_text(f"{3 * machine.GIB}\n")
    (tmp_path / "used").write_text(f"{machine.GIB}\n")
    assert machine.free_memory() == 2 * machine.GIB
    (finding,) = machine.check_memory()
    assert finding.status == "warn" and "2.0 GiB" in finding.seen
    (tmp_path / "limit").write_text("max\n")
    assert machine.free_memory() == 8 * machine.GIB
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "none")
    (finding,) = machine.check_memory()
    assert finding.status == "pass"


def test_little_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=machine.GIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    (finding,) = machine.check_disk(tmp_path / "not" / "yet")
    assert finding.status == "warn" and str(tmp_path) in finding.seen
