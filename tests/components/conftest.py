"""What the tests of all components share."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def stage_calls(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """A function: (stage, facts) puts a recorder in the place of the stage's `run`; returns the list of its calls."""

    def recorded(stage: str, **facts: Any) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        class Facts:
            def as_metadata(self) -> dict[str, Any]:
                return facts

            def __getattr__(self, name: str) -> Any:
                return facts[name]

        def run(**settings: Any) -> Facts:
            calls.append(settings)
            return Facts()

        monkeypatch.setattr(importlib.import_module(f"labelcycle.components.{stage}.stage"), "run", run)
        return calls

    return recorded
