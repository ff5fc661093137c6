"""The training loop: batches, the best epoch, and what it leaves alone."""

from typing import Any

import pytest
import torch

from labelcycle.components.core.trainers import LinearTrainer
from labelcycle.components.train_adapter.fit import Examples, fit, seed_everything, shuffled_batches

SETTINGS = LinearTrainer(epochs=3, batch_size=4, learning_rate=0.1)


def examples(rows: int, seed: int = 0) -> Examples:
    inputs = torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed))
    return Examples(inputs, (inputs[:, 0] > 0).long())


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Linear(2, 2)


def run(model: torch.nn.Module, validation: Examples | None = None, **changes: Any) -> Any:
    settings = SETTINGS.model_copy(update=changes)
    return fit(model, lambda rows: rows, examples(32), validation, settings, settings.learning_rate, seed=0)


@pytest.mark.parametrize(
    ("rows", "sizes"), [(1, [1]), (4, [4]), (5, [5]), (6, [4, 2]), (8, [4, 4]), (9, [4, 5]), (10, [4, 4, 2])]
)
def test_no_batch_of_one_but_for_a_single_sample(rows: int, sizes: list[int]) -> None:
    batches = list(shuffled_batches(rows, 4, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == sizes
    assert sorted(torch.cat(batches).tolist()) == list(range(rows))


def test_each_epoch_has_its_own_order() -> None:
    generator = torch.Generator().manual_seed(0)
    orders = [torch.cat(list(shuffled_batches(32, 4, generator))).tolist() for _ in range(2)]
    assert orders[0] != orders[1]


def test_training_lowers_the_loss() -> None:
    losses = [run(network(), epochs=epochs).loss for epochs in (1, 20)]
    assert losses[1] < losses[0] / 2


def test_frozen_parameters_stay() -> None:
    model = network()
    model.bias.requires_grad_(False)  # type: ignore[union-attr]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run(model)
    assert torch.equal(model.state_dict()["bias"], before["bias"])
    assert not torch.equal(model.state_dict()["weight"], before["weight"])


class Recorder(torch.nn.Linear):
    """Remembers its weight as it is at each validation."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(2, 2)
        self.seen: list[torch.Tensor] = []

    def eval(self) -> "Recorder":
        self.seen.append(self.weight.detach().clone())
        super().eval()
        return self


def test_the_best_epoch_is_kept() -> None:
    """The validation set asks for the opposite of the training set, so the first epoch is the best."""
    training = examples(32)
    model = Recorder()
    fitted = run(model, Examples(training.inputs, 1 - training.targets), epochs=8)
    final = run(last := Recorder(), epochs=8)
    assert torch.equal(model.weight, model.seen[0])
    assert not torch.equal(last.weight, model.seen[0])
    assert fitted.validation_accuracy is not None and final.validation_accuracy is None


def test_of_equal_epochs_the_first_is_kept() -> None:
    model = Recorder()
    validation = Examples(torch.zeros(1, 2), torch.tensor([0]))
    run(model, validation, epochs=4, learning_rate=1e-9)
    assert torch.equal(model.weight, model.seen[0])


def test_the_seed_decides_everything() -> None:
    results = []
    for seed in (1, 1, 2):
        seed_everything(seed)
        model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2))
        fit(model, lambda rows: rows, examples(32), None, SETTINGS, 0.1, seed)
        results.append(torch.cat([parameter.flatten() for parameter in model.parameters()]))
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])
