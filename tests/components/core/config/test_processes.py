"""Of several processes that run a stage together, only the main one writes."""

from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.config.environment import is_main_process, processes


def test_one_process_is_the_main_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert is_main_process() and processes() == 1


def test_other_processes_know_what_the_main_one_writes(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin()
    campaign.ingest()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    before = campaign.files()
    reference = campaign.work.write("note.txt", b"content")
    assert not is_main_process() and campaign.files() == before
    monkeypatch.setenv("RANK", "0")
    assert campaign.work.write("note.txt", b"content") == reference
    assert campaign.files() == {**before, reference.key: b"content"}
