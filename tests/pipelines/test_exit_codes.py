"""How a stage's process ends, by what ended it: the exit code, what is said, and what a scheduler makes of it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.pipelines.argo.pod import WORTH_ANOTHER_TRY
from labelcycle.pipelines.local.engine import run_cycle
from labelcycle.pipelines.local.outcome import StageError
from tests.installed_command import COMMAND
from tests.pipelines.argo.interpreter.expressions import evaluate

BREAKING = """
import errno, os
from concurrent.futures.process import BrokenProcessPool
if kind := os.environ.get("BREAK_WITH"):
    from labelcycle.components.core import errors
    from labelcycle.components.core.campaign import attempt

    def broken(*arguments):
        raise {
            "wrong input": errors.InputError("sample 'a' has two labels"),
            "a service": errors.TransientError("S3 does not answer"),
            "a bug": ValueError("a bug"),
            "no memory": MemoryError(),
            "no space": OSError(errno.ENOSPC, "No space left on device"),
            "no right": PermissionError(errno.EACCES, "Permission denied", "/data"),
            "a killed child": BrokenProcessPool("a child process was killed"),
            "control-C": KeyboardInterrupt(),
        }[kind]

    attempt.open_attempt = broken
"""
"""Read by every Python process at its start: stages that work on an attempt break off."""

KINDS = {
    "wrong input": (1, "error"),
    "a bug": (1, "crash"),
    "no right": (1, "crash"),
    "a service": (2, "error"),
    "no memory": (2, "crash"),
    "no space": (2, "crash"),
    "a killed child": (2, "crash"),
    "control-C": (130, "interrupted"),
}
"""The exit code and the event of each kind of failure."""


@pytest.fixture
def breaking(tmp_path: Path) -> str:
    """A folder for PYTHONPATH, which lets `BREAK_WITH` say how stages break off."""
    folder = tmp_path / "breaking"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BREAKING)
    return str(folder)


@pytest.fixture
def select(begin: Callable[..., Any], breaking: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs `labelcycle stage select` in an environment."""
    root = begin().root

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "stage", "select", "--root", root, "--cycle", "0", "--attempt", "abc"],
            env=os.environ | {"PYTHONPATH": breaking} | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.mark.parametrize(("kind", "code", "event"), [(kind, *end) for kind, end in KINDS.items()], ids=list(KINDS))
def test_a_stage_that_logs_in_json(select: Callable[..., Any], kind: str, code: int, event: str) -> None:
    answer = select(BREAK_WITH=kind, LABELCYCLE_LOG="json")
    lines = [json.loads(line) for line in answer.stderr.splitlines()]
    assert answer.returncode == code
    assert [line["event"] for line in lines] == ["command_started", "started", event, "command_ended"]
    assert {line["exit_code"] for line in lines[2:]} == {code}
    assert ("traceback" in lines[2]) == (event == "crash")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("wrong input", "error: sample 'a' has two labels\n"),
        ("no memory", "error: there is not enough memory. Make room"),
        ("no space", "error: [Errno 28] No space left on device. Make room"),
        ("no right", "error: [Errno 13] Permission denied: '/data'. Check the path"),
        ("a bug", "ValueError: a bug\n"),
    ],
)
def test_a_stage_that_logs_in_text(select: Callable[..., Any], kind: str, said: str) -> None:
    answer = select(BREAK_WITH=kind)
    assert answer.returncode == KINDS[kind][0]
    assert said in answer.stderr and ("Traceback" in answer.stderr) == (kind == "a bug")


@pytest.mark.parametrize(
    "command", [["run"], ["status", "x", "--wrong"], ["nothing"], ["init", "x", "--budget", "many"]]
)
def test_wrong_usage_is_one_line_of_json(labelcycle: Callable[..., Any], command: list[str]) -> None:
    answer = labelcycle(*command, LABELCYCLE_LOG="json")
    (line,) = [json.loads(line) for line in answer.stderr.splitlines()]
    assert answer.returncode == line["exit_code"] == 1
    assert (line["event"], line["error"]) == ("error", "UsageError") and line["message"]


def test_another_kind_of_log_is_refused(labelcycle: Callable[..., Any]) -> None:
    answer = labelcycle("recipes", LABELCYCLE_LOG="xml")
    assert answer.returncode == 1
    assert answer.stderr == "error: LABELCYCLE_LOG is 'xml'. Set it to json or text, or leave it out.\n"


@pytest.mark.usefixtures("mlflow")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:kfp", "ignore::FutureWarning:kfp")
@pytest.mark.parametrize(
    ("kind", "after"), [("a bug", "Another try would meet it again"), ("no space", "Run the same command again")]
)
def test_the_local_engine_ends_as_the_stage_did(
    begin: Callable[..., Any], breaking: str, monkeypatch: pytest.MonkeyPatch, kind: str, after: str
) -> None:
    campaign = begin()
    monkeypatch.setenv("PYTHONPATH", breaking)
    monkeypatch.setenv("BREAK_WITH", kind)
    with pytest.raises(StageError, match=rf"embed broke off with (.|\n)*in broken(.|\n)*{after}") as failure:
        run_cycle(campaign.root)
    assert failure.value.exit_code == KINDS[kind][0]


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, (code, _) in KINDS.items() if code != 130])
def test_argo_tries_again_what_may_pass_and_nothing_else(kind: str, code: int) -> None:
    assert tried_again(str(code)) is (code == 2), kind


@pytest.mark.parametrize(("code", "again"), [("137", True), ("143", True), ("-1", True), ("3", False)])
def test_argo_tries_again_what_was_killed_and_never_waits_for_people(code: str, again: bool) -> None:
    assert tried_again(code) is again


def tried_again(code: str) -> bool:
    """Whether Argo tries a stage again that ended with this code."""
    known = {"exitCode": code, "status": "Failed", "message": f"main: Error (exit code {code})"}
    return bool(evaluate(WORTH_ANOTHER_TRY, {f"lastRetry.{name}": value for name, value in known.items()}))
