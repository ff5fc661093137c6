"""The embed component does nothing but call its stage."""

from collections.abc import Callable
from typing import Any

from labelcycle.components.embed.component import embed


def test_it_returns_the_space(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.ingest()
    space = embed.python_func(root=campaign.root, cycle=0, attempt=campaign.attempt, target="base")
    assert space == campaign.state.campaign.base_space


def test_everything_is_handed_on(stage_calls: Callable[..., Any]) -> None:
    calls = stage_calls("embed", space="a space")
    settings = {"root": "r", "cycle": 3, "attempt": "a", "target": "tuned", "shard": 1, "shards": 2}
    assert embed.python_func(**settings) == "a space"
    assert calls == [settings]
