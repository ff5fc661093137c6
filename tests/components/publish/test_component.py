"""The publish component calls its stage, and records in MLflow only after it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from labelcycle.components import tracking
from labelcycle.components.core.errors import TransientError
from labelcycle.components.publish import mlflow_record as record
from labelcycle.components.publish.component import publish


def test_the_cycle_is_recorded_after_the_commit(
    stage_calls: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = stage_calls("publish", committed=True)
    monkeypatch.setattr(record, "record_in_mlflow", lambda root: calls.append(root))
    report = SimpleNamespace(path="a path", metadata={})
    assert publish.python_func(root="r", cycle=3, attempt="a", report=report) is True
    assert calls == [{"root": "r", "cycle": 3, "attempt": "a", "report": "a path"}, "r"]
    assert report.metadata == {"committed": True}


def test_a_record_that_fails_is_told_and_does_not_fail_the_stage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(root: str) -> None:
        raise TransientError("the server is away")

    monkeypatch.setattr(tracking, "track_campaign", fail)
    record.record_in_mlflow("r")
    assert "MLflow has no record of this cycle yet: the server is away" in capsys.readouterr().err
