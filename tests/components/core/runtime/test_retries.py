"""Trying a stage again within its process, where the environment asks for it."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from tenacity import nap

from labelcycle.components.core.errors import ConfigurationError, InputError, TransientError
from labelcycle.components.core.runtime.retries import BACKOFF_SECONDS, RETRIES, with_retries
from labelcycle.components.core.runtime.stage_deadline import VARIABLE as STAGE_SECONDS


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited, without waiting."""
    slept: list[float] = []
    monkeypatch.setattr(nap.time, "sleep", slept.append)
    return slept


def failing(errors: list[BaseException]) -> Callable[[str], str]:
    """A stage that raises these errors, one a call, and then succeeds."""

    def run(root: str) -> str:
        if errors:
            raise errors.pop(0)
        return f"done at {root}"

    return run


def test_what_may_pass_is_tried_again_with_longer_waits(
    waits: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(RETRIES, "3")
    monkeypatch.setenv(BACKOFF_SECONDS, "20")
    run = failing([TransientError("S3 is away"), MemoryError(), ConnectionError("reset")])
    assert with_retries(run)(root="r") == "done at r"
    assert waits == [20, 40, 80]
    told = capsys.readouterr().err.splitlines()
    assert told[0] == (
        "Try 1 of 4 failed in a way that may pass (TransientError: S3 is away). Trying again in 20 seconds."
    )
    assert len(told) == 3


def test_the_last_error_is_the_stages_own(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RETRIES, "1")
    errors: list[BaseException] = [TransientError("first"), TransientError("second"), TransientError("third")]
    with pytest.raises(TransientError, match="second"):
        with_retries(failing(errors))("r")
    assert waits == [30]


@pytest.mark.parametrize("error", [InputError("wrong"), KeyError("a fault"), KeyboardInterrupt()])
def test_what_cannot_pass_is_not_tried_again(
    waits: list[float], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setenv(RETRIES, "5")
    with pytest.raises(type(error)):
        with_retries(failing([error]))("r")
    assert not waits


def test_without_the_variable_a_stage_runs_once(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RETRIES, raising=False)
    with pytest.raises(TransientError):
        with_retries(failing([TransientError("away")]))("r")
    assert not waits


def test_the_stages_time_is_for_all_tries_together() -> None:
    """Tries that fail quickly, without end: no single one reaches the deadline."""
    script = """
from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.runtime.retries import with_retries

def run(root):
    raise TransientError("S3 is away")

run.__module__ = "labelcycle.components.score.stage"
with_retries(run)("r")
"""
    given = {RETRIES: "1000000", BACKOFF_SECONDS: "0", STAGE_SECONDS: "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | given, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert "Stage score has taken the 1 s that it may take" in done.stderr


@pytest.mark.parametrize("text", ["many", "-1", "nan", "inf"])
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(RETRIES, text)
    with pytest.raises(ConfigurationError, match=RETRIES):
        with_retries(failing([]))("r")
