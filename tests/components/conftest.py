"""What the tests of all components share."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Campaign, validated_campaign
from labelcycle.components.core.storage import Store, open_store


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


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "campaign"))


@pytest.fixture
def campaign_settings() -> dict[str, Any]:
    """Settings of a small campaign, to be changed by tests."""
    return {
        "name": "animals",
        "classes": ["cat", "dog"],
        "recipe": {
            "name": "mine",
            "summary": "a summary",
            "source": "a source",
            "cost": "little",
            "trainer": {"name": "linear"},
            "selector": {"strategy": "entropy"},
        },
        "budget": 100,
        "batch": 30,
        "initial": 20,
        "seed": 0,
        "backbone": None,
        "base_space": "0123456789abcdef",
        "pool": {"key": "pool.parquet", "sha256": "0"},
        "truth": {"key": "truth.parquet", "sha256": "0"},
        "quarantine": {"key": "quarantine.parquet", "sha256": "0"},
        "labels_from": None,
    }


@pytest.fixture
def campaign(campaign_settings: dict[str, Any]) -> Campaign:
    return validated_campaign(**campaign_settings)
