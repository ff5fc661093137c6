"""The score component does nothing but call its stage."""

from collections.abc import Callable
from typing import Any

from labelcycle.components.score.component import score


def test_everything_is_handed_on(stage_calls: Callable[..., Any]) -> None:
    calls = stage_calls("score", scored=7)
    settings = {"root": "r", "cycle": 3, "attempt": "a", "shard": 1, "shards": 2}
    assert score.python_func(**settings) == 7
    assert calls == [settings]
