"""A store and a campaign for the tests of what every stage stands on."""

from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Campaign, validated_campaign
from labelcycle.components.core.storage import Store, open_store


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
