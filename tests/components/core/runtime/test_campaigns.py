"""What a root says about where its work stands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.runtime.observation import campaign_at, next_cycle_at
from labelcycle.components.core.storage import open_store


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 8, 9, 33])
def test_the_next_cycle_is_the_first_without_a_commit(tmp_path: Path, count: int) -> None:
    store = open_store(str(tmp_path))
    for cycle in range(count):
        store.write(f"cycles/{cycle}/commit.json", b"")
    assert next_cycle_at(str(tmp_path)) == count


def test_the_campaign(begin: Callable[..., Any]) -> None:
    campaign = begin()
    assert campaign_at(campaign.root) == campaign.state.campaign.identifier


@pytest.mark.parametrize("root", ["{tmp_path}/nowhere", "gs://no/store", ""])
def test_what_cannot_be_read_is_not_known_and_no_error(tmp_path: Path, root: str) -> None:
    assert campaign_at(root.format(tmp_path=tmp_path)) is None
    assert next_cycle_at(root) in (None, 0)


def test_a_damaged_campaign_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "campaign.json").write_bytes(b"\xff")
    assert campaign_at(str(tmp_path)) is None
