"""The label_ingest component does nothing but call its stage."""

from collections.abc import Callable
from typing import Any

from labelcycle.components.label_ingest.component import label_ingest


def test_it_returns_the_decision(begin: Callable[..., Any]) -> None:
    campaign = begin()
    facts = campaign.ingest()
    assert label_ingest.python_func(root=campaign.root) == ("cold_start", 0, facts.attempt, facts.reason)


def test_everything_is_handed_on(stage_calls: Callable[..., Any]) -> None:
    calls = stage_calls("label_ingest", decision="wait", cycle=4, attempt="", reason="none yet")
    arguments = {"root": "r", "labels_from": "labels.csv", "finalize": True}
    assert label_ingest.python_func(**arguments) == ("wait", 4, "", "none yet")
    assert calls == [arguments]
