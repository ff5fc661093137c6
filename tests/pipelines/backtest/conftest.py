"""A plan and history that take milliseconds, and strategies that live as long as one test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.config.recipe import Schedule
from labelcycle.components.core.config.trainers import LinearTrainer
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.select import STRATEGIES, strategy
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, BacktestPlan, Chooser, ComparedStrategy, Measured
from labelcycle.pipelines.backtest.labelled_history import LabelledHistory, history_from_embeddings, write_history

ENTROPY = Chooser(strategy="entropy")


@pytest.fixture
def history(embeddings: Path) -> LabelledHistory:
    """48 pool and 12 test samples in three classes."""
    return history_from_embeddings(str(embeddings))


@pytest.fixture
def make_plan() -> Callable[..., BacktestPlan]:
    """A function: changes → a plan of random and entropy with two seeds, three cycles of 8 labels."""

    def made(**changes: Any) -> BacktestPlan:
        settings: dict[str, Any] = {
            "source": "history.npz",
            "history": ObjectReference(key="history/none.parquet", sha256="0" * 64),
            "classes": ["blue", "green", "red"],
            "compared": [ComparedStrategy(chooser=RANDOM), ComparedStrategy(chooser=ENTROPY)],
            "seeds": 2,
            "initial": 8,
            "batch": 8,
            "cycles": 3,
            "trainer": LinearTrainer(epochs=5, learning_rate=0.02),
            "schedule": Schedule(),
            "scorer": DropoutScorer(),
        }
        return BacktestPlan(**(settings | changes))

    return made


@pytest.fixture
def stored(
    tmp_path: Path, history: LabelledHistory, make_plan: Callable[..., BacktestPlan]
) -> tuple[Store, BacktestPlan]:
    """A store that holds the history, and a plan of it."""
    store = open_store(str(tmp_path / "backtest"))
    return store, make_plan(history=write_history(store, history))


@pytest.fixture
def register() -> Iterator[Callable[..., str]]:
    """A function: (function, needs) registers a strategy for this test and returns its name."""
    names = []

    def registered(choose: Callable[..., Any], **fields: Any) -> str:
        strategy(**fields)(choose)
        names.append(choose.__name__)
        return choose.__name__

    yield registered
    for name in names:
        del STRATEGIES[name]


@pytest.fixture
def cycles() -> Callable[..., list[Measured]]:
    """A function: accuracies → the cycles of an arm with 10, 20, … labels, a second of training and one of choosing."""

    def made(*accuracies: float, seconds: float = 1.0) -> list[Measured]:
        return [
            Measured(number, 10 * number, accuracy, accuracy, seconds, seconds)
            for number, accuracy in enumerate(np.asarray(accuracies, float).tolist(), 1)
        ]

    return made
