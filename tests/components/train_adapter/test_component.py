"""The train_adapter component calls its stage and puts the facts on its model artifact."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from labelcycle.components.train_adapter.component import train_adapter


def test_it_returns_the_space_and_describes_the_model(stage_calls: Callable[..., Any]) -> None:
    calls = stage_calls("train_adapter", space="a space", loss=0.5)
    model = SimpleNamespace(metadata={})
    assert train_adapter.python_func(root="r", cycle=3, attempt="a", model=model) == "a space"
    assert calls == [{"root": "r", "cycle": 3, "attempt": "a"}]
    assert model.metadata == {"space": "a space", "loss": 0.5}
