"""The evaluate component calls its stage and logs the facts as metrics."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from labelcycle.components.evaluate.component import evaluate


def test_it_returns_the_accuracy_and_logs_every_figure(stage_calls: Callable[..., Any]) -> None:
    calls = stage_calls("evaluate", accuracy=0.75, labels=8)
    logged: dict[str, float] = {}
    metrics = SimpleNamespace(log_metric=logged.__setitem__)
    assert evaluate.python_func(root="r", cycle=3, attempt="a", metrics=metrics) == 0.75
    assert calls == [{"root": "r", "cycle": 3, "attempt": "a"}]
    assert logged == {"accuracy": 0.75, "labels": 8}
