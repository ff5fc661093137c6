"""A stage ends at its time whatever it does, says why, and leaves no process behind."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.stage_deadline import VARIABLE, stage_deadline

STAGE = """
import hashlib, multiprocessing, subprocess, sys
from labelcycle.components.core.runtime.stage_deadline import stage_deadline

worker = multiprocessing.get_context("fork").Process(target=lambda: subprocess.run(["sleep", "60"]), daemon=True)
with stage_deadline("embed"):
    worker.start()
    print(worker.pid, flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
"""
"""A stage deep in code of a library that looks at no signal, with a worker that waits for a process of its own."""


def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LABELCYCLE_")}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment | variables, capture_output=True, text=True, timeout=60
    )


def ended(process: int) -> bool:
    """Whether a process is gone, or goes within seconds, as it closes its pipes before it has ended.

    One that has ended and that nobody asked about counts as gone.
    """
    for _ in range(100):
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_stage_in_the_code_of_a_library_ends_with_its_workers() -> None:
    """The pipes of the worker and of its `sleep` are those of the stage: `run` returns only when both are gone."""
    begun = time.monotonic()
    stage = run(STAGE, **{VARIABLE: "2"})
    assert (stage.returncode, time.monotonic() - begun < 30) == (2, True)
    assert "error: Stage embed has taken the 2 s that it may take" in stage.stderr
    assert "raise timeout_seconds of embed in the profile, or use more shards" in stage.stderr
    assert ended(int(stage.stdout))


def test_machines_are_told_as_of_any_error() -> None:
    script = "import time\nfrom labelcycle.components.core.runtime.stage_deadline import stage_deadline\n"
    script += "with stage_deadline('select'):\n    time.sleep(60)\n"
    stage = run(script, LABELCYCLE_LOG="json", **{VARIABLE: "1"})
    [line] = stage.stderr.splitlines()
    told = json.loads(line)
    assert (stage.returncode, told["event"], told["error"], told["exit_code"]) == (2, "error", "StageTimeError", 2)
    assert told["message"].endswith("raise timeout_seconds of select in the profile.")


def test_a_stage_that_is_done_in_time_goes_on() -> None:
    script = "import time\nfrom labelcycle.components.core.runtime.stage_deadline import stage_deadline\n"
    script += "with stage_deadline('select'):\n    pass\ntime.sleep(1.5)\nprint('recorded')\n"
    assert run(script, **{VARIABLE: "1"}).stdout == "recorded\n"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("labelcycle.components.evaluate.stage", "evaluate"),
        ("labelcycle.pipelines.backtest.arm", "backtest_arm"),
    ],
)
def test_every_stage_has_the_time_of_its_process(module: str, name: str) -> None:
    """Whichever engine calls `run`: what observes it keeps the time as well, and names it as profiles do."""
    script = f"""
import time
from labelcycle.components.core.runtime.observation import observed

def run(root):
    time.sleep(20)

run.__module__ = "{module}"
observed(run)("campaign")
"""
    stage = run(script, **{VARIABLE: "1"})
    assert (stage.returncode, f"Stage {name} has taken the 1 s" in stage.stderr) == (2, True)
    assert f"raise timeout_seconds of {name} in the profile" in stage.stderr


@pytest.mark.parametrize("given", ["0", "-1", "1h", "1.5", "9" * 30])
def test_what_is_no_time_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(VARIABLE, given)
    with (
        pytest.raises(ConfigurationError, match=f"{VARIABLE} is '{given}'. Set it to whole seconds"),
        stage_deadline("x"),
    ):
        pass


def test_without_the_variable_there_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    threads = threading.active_count()
    with stage_deadline("embed"):
        assert threading.active_count() == threads, "nothing counts the time"
