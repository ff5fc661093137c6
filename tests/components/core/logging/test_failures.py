"""Errors are told once, by their kind."""

import json
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import InputError, TransientError
from labelcycle.components.core.logging import failures
from labelcycle.components.core.logging.events import EVENTS
from labelcycle.components.core.logging.failures import report_failure


@pytest.fixture
def termination_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, not yet made, in place of that of Kubernetes."""
    log = tmp_path / "termination-log"
    monkeypatch.setattr(failures, "TERMINATION_LOG", log)
    return log


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function: an error that was raised → the events that it became, and its exit code."""
    monkeypatch.setenv(EVENTS, str(tmp_path / "events"))

    def events(error: BaseException) -> tuple[list[dict[str, Any]], int]:
        try:
            raise error
        except BaseException as raised:
            codes = {report_failure(raised), report_failure(raised)}
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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("no labels. Label more."), "no labels. Label more."),
        (ValueError("a bug"), "ValueError: a bug"),
        (InputError("the token is open-sesame-12"), "the token is ***"),
        (InputError("ä" * 9000), "ä"),
    ],
)
def test_a_container_of_kubernetes_keeps_the_message_of_its_end(
    told: Any, termination_log: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    """Kubernetes makes the file, and shows its first 4096 bytes."""
    monkeypatch.setenv("MY_TOKEN", "open-sesame-12")
    termination_log.touch()
    told(error)
    kept = termination_log.read_bytes()
    assert kept.decode(errors="ignore").startswith(said) and len(kept) <= 4096


def test_elsewhere_no_such_file_is_made(told: Any, termination_log: Path) -> None:
    told(InputError("wrong"))
    assert not termination_log.exists()
