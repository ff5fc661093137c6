"""The label_ingest component does nothing but call its stage."""

from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.label_ingest.component import label_ingest


def test_it_returns_the_decision(begin: Callable[..., Any]) -> None:
    campaign = begin()
    facts = campaign.ingest()
    assert label_ingest.python_func(root=campaign.root) == (
        "cold_start",
        0,
        facts.attempt,
        facts.reason,
        [0],
        "cold_start",
    )


def test_everything_is_handed_on(stage_calls: Callable[..., Any]) -> None:
    calls = stage_calls("label_ingest", decision="wait", cycle=4, attempt="", reason="none yet")
    arguments = {"root": "r", "labels_from": "labels.csv", "finalize": True}
    assert label_ingest.python_func(**arguments, shards=3) == ("wait", 4, "", "none yet", [0, 1, 2], "wait")
    assert calls == [arguments]


def test_no_shards_are_refused_before_anything_is_done(stage_calls: Callable[..., Any]) -> None:
    calls = stage_calls("label_ingest")
    with pytest.raises(ConfigurationError, match="cannot be split into 0 shards"):
        label_ingest.python_func(root="r", shards=0)
    assert calls == []
