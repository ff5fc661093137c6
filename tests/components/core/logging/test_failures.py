"""Errors are told once, by their kind."""

import json
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.logging.events import EVENTS
from labelcycle.components.core.logging.failures import tell


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function: an error that was raised → the events that it became, and its exit code."""
    monkeypatch.setenv(EVENTS, str(tmp_path / "events"))

    def events(error: BaseException) -> tuple[list[dict[str, Any]], int]:
        try:
            raise error
        except BaseException as raised:
            codes = {tell(raised), tell(raised)}
        (code,) = codes
        return [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()], code

    return events


def test_an_error_of_ours(told: Any) -> None:
    (event,), code = told(TransientError("come again"))
    assert (event["event"], event["error"], event["message"]) == ("error", "TransientError", "come again")
    assert event["exit_code"] == code == 2 and "traceback" not in event


def test_an_error_that_nobody_foresaw(told: Any) -> None:
    (event,), code = told(ValueError("a bug"))
    assert (event["event"], event["error"], event["message"]) == ("crash", "ValueError", "ValueError: a bug")
    assert event["exit_code"] == code == 1 and event["traceback"].startswith("Traceback")


def test_control_c(told: Any) -> None:
    (event,), code = told(KeyboardInterrupt())
    assert (event["event"], event["exit_code"], code) == ("interrupted", 130, 130)
