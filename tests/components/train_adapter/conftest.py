"""Trainings that are killed between two epochs."""

from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.train_adapter import fit
from labelcycle.components.train_adapter.checkpoints import VARIABLE


class Killed(Exception):
    """What ends a training in the middle."""


@pytest.fixture
def killed_in_epoch(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], Any]], int]:
    """A function: a number n and what trains → kills it in the n-th epoch of all its trainings together.

    From then on checkpoints are written after every epoch. Returns how many epochs the same call needs the next time.
    """
    real = fit._Epoch.run

    def counted(train: Callable[[], Any], last: int | None = None) -> int:
        epochs = 0

        def run(epoch: Any, batch_size: int) -> float:
            nonlocal epochs
            epochs += 1
            if epochs == last:
                raise Killed
            return real(epoch, batch_size)

        with monkeypatch.context() as patch:
            patch.setattr(fit._Epoch, "run", run)
            train()
        return epochs

    def killed(number: int, train: Callable[[], Any]) -> int:
        monkeypatch.setenv(VARIABLE, "0")
        with pytest.raises(Killed):
            counted(train, number)
        return counted(train)

    return killed
