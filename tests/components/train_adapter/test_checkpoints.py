"""A training that is killed goes on from its checkpoint and ends as if it had not been."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load as load_tensors

from labelcycle.components.core.config.trainers import DropQueryTrainer, LinearTrainer, Training
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.train_adapter.checkpoints import Checkpoint, Checkpoints, changing
from labelcycle.components.train_adapter.fit import Examples, fit, seed_everything
from labelcycle.components.train_adapter.trained import Fitted

EPOCHS, ROWS, KEY = 6, 24, "cycles/1/attempt/checkpoint.safetensors"
SETTINGS = LinearTrainer(epochs=EPOCHS, batch_size=8, learning_rate=0.1)


class Killed(Exception):
    """What ends a training in the middle."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path))


def examples() -> Examples:
    inputs = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(0))
    return Examples(inputs, (inputs[:, 0] > 0).long())


def network() -> torch.nn.Module:
    """With buffers, dropout, and a part that is not trained."""
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
    )
    model[0].requires_grad_(False)
    return model


def train(
    checkpoints: Checkpoints | None,
    settings: Training = SETTINGS,
    kill_at: int | None = None,
    validation: bool = False,
    seen: list[int] | None = None,
    rate: float = 0.1,
) -> tuple[dict[str, torch.Tensor], Fitted]:
    """Train, and be killed in the batch of number `kill_at`; `seen` gets the sizes of the batches."""
    count = 0

    def prepare(rows: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == kill_at:
            raise Killed
        if seen is not None:
            seen.append(len(rows))
        return rows

    seed_everything(1)
    model = network()
    held_out = examples() if validation else None
    fitted = fit(model, prepare, examples(), held_out, settings, rate, 1, checkpoints=checkpoints)
    return changing(model), fitted


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("validation", [False, True])
def test_killed_and_run_again_is_bit_identical(store: Store, optimiser: str, validation: bool) -> None:
    settings = SETTINGS.model_copy(update={"optimiser": optimiser, "annealing": "cosine", "patience": 5})
    whole, expected = train(None, settings, validation=validation)
    with pytest.raises(Killed):
        train(Checkpoints(store, KEY, every=0), settings, kill_at=20 if validation else 12, validation=validation)
    seen: list[int] = []
    again, fitted = train(Checkpoints(store, KEY, every=0), settings, validation=validation, seen=seen)
    assert same(again, whole) and fitted == expected
    assert 0 < len(seen) < EPOCHS * (6 if validation else 3), "the epochs before the kill must not be done again"


def test_what_is_kept_for_its_loss_survives_a_kill(store: Store) -> None:
    """Steps so great that the lowest loss lies before the kill."""
    settings = DropQueryTrainer(epochs=EPOCHS, batch_size=8, optimiser="sgd", momentum=0.99, patience=None)
    whole, expected = train(None, settings, rate=20.0)
    with pytest.raises(Killed):
        train(Checkpoints(store, KEY, every=0), settings, kill_at=16, rate=20.0)
    found = load_tensors(store.read(KEY))
    assert any(not torch.equal(found[f"best.{name}"], found[f"network.{name}"]) for name in ("3.weight", "3.bias"))
    again, fitted = train(Checkpoints(store, KEY, every=0), settings, rate=20.0)
    assert same(again, whole) and fitted == expected


def test_a_short_training_writes_nothing(store: Store) -> None:
    train(Checkpoints(store, KEY))
    assert store.keys("") == []


def test_a_checkpoint_holds_only_what_training_changes(store: Store) -> None:
    train(Checkpoints(store, KEY, every=0))
    assert store.keys("") == [KEY]
    stored = set(load_tensors(store.read(KEY)))
    assert "network.3.weight" in stored and "network.1.running_mean" in stored
    assert not any(name.startswith("network.0.") for name in stored)


@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"no tensors"])
def test_a_damaged_checkpoint_is_left_aside(
    store: Store, spoil: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Killed):
        train(Checkpoints(store, KEY, every=0), kill_at=12)
    store.write(KEY, spoil(store.read(KEY)))
    again, _ = train(Checkpoints(store, KEY))
    assert same(again, train(None)[0])
    assert "is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes", [{"epochs": EPOCHS + 1}, {"weight_decay": 0.5}, {"optimiser": "sgd"}, {"batch_size": 6}]
)
def test_a_checkpoint_of_another_training_is_left_aside(
    store: Store, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Killed):
        train(Checkpoints(store, KEY, every=0), kill_at=12)
    settings = SETTINGS.model_copy(update=changes)
    again, _ = train(Checkpoints(store, KEY), settings)
    assert same(again, train(None, settings)[0])
    assert "that of another training" in capsys.readouterr().err


def test_it_waits_between_two(store: Store) -> None:
    waiting = Checkpoints(store, KEY, every=3600)
    assert not waiting.due
    at_once = Checkpoints(store, KEY, every=0)
    assert at_once.due
    waiting.write("x", Checkpoint({}, {"epoch": 1}))
    found = at_once.read("x")
    assert found is not None and found.facts == {"epoch": 1} and at_once.read("y") is None


def test_the_environment_says_how_often(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELCYCLE_CHECKPOINT_SECONDS", "0")
    assert Checkpoints(store, KEY).due
    monkeypatch.setenv("LABELCYCLE_CHECKPOINT_SECONDS", "")
    assert not Checkpoints(store, KEY).due
    monkeypatch.setenv("LABELCYCLE_CHECKPOINT_SECONDS", "often")
    with pytest.raises(ConfigurationError, match="LABELCYCLE_CHECKPOINT_SECONDS is 'often'.*number of seconds"):
        Checkpoints(store, KEY)
