"""Commands whose output nobody reads to its end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labelcycle.pipelines.cli.closed_pipes import outlive_readers
from labelcycle.pipelines.cli.main import COMMANDS, WRITING
from tests.installed_command import COMMAND
from tests.warm_start import warm_python


def test_what_is_printed_comes_as_long_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, stream)
        outlive_readers()
        for name in ("stdout", "stderr"):
            print("first", file=getattr(sys, name), flush=True)
        assert os.read(reading, 100) == b"first\nfirst\n"
        os.close(reading)
        for name in ("stdout", "stderr"):
            print("second", file=getattr(sys, name), flush=True)
            print("third", file=getattr(sys, name), flush=True)


def test_what_a_command_writes_it_writes_without_readers(tmp_path: Path, embeddings: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    begin = ["init", "root", "--embeddings", str(embeddings), "--batch", "8", "--budget", "16"]
    with os.fdopen(writing, "w") as pipe:
        for words in (begin, ["amend", "root", "--budget", "20"]):
            command = [warm_python(), COMMAND, *words]
            assert subprocess.run(command, cwd=tmp_path, stdout=pipe, stderr=pipe, timeout=60).returncode == 0
    assert (tmp_path / "root" / "campaign.json").exists()
    assert (tmp_path / "root" / "amendments" / "000000.json").exists()


def test_they_are_commands() -> None:
    assert set(COMMANDS) > WRITING
