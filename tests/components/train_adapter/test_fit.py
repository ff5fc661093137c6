"""The training loop: batches, the best epoch, and what it leaves alone."""

import math
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from labelcycle.components.core.config.trainers import DropQueryTrainer, LinearTrainer, ProbeThenFineTuner
from labelcycle.components.train_adapter.checkpoints import TrainingProgress
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


def test_dropquerys_head_is_that_of_the_lowest_training_loss() -> None:
    """Great steps overshoot; patience lets a training go on for epochs that are worse than the best."""
    changes = {"optimiser": "sgd", "momentum": 0.99, "learning_rate": 20.0, "batch_size": None, "weight_decay": 0.0}
    settings = DropQueryTrainer(**changes, epochs=12, patience=None)
    ends = []
    for epochs in range(1, 13):
        fitted = run(model := network(), epochs=epochs, **changes)
        ends.append((fitted.loss, weights(model)))
    lowest = min(range(12), key=lambda epoch: ends[epoch][0])
    assert 0 < lowest < 11
    fitted = fit(model := network(), lambda rows: rows, examples(32), None, settings, settings.learning_rate, seed=0)
    assert torch.equal(weights(model), ends[lowest][1])
    assert fitted.epochs == 12 and fitted.loss == ends[lowest][0]


def test_a_validation_split_decides_before_the_loss_does() -> None:
    """Of equal accuracies the first epoch is kept, though the loss goes on falling."""
    settings = DropQueryTrainer(epochs=4, batch_size=4, patience=None)
    validation = Examples(torch.zeros(1, 2), torch.tensor([0]))
    fit(model := Recorder(), lambda rows: rows, examples(32), validation, settings, 1e-9, seed=0)
    assert torch.equal(model.weight, model.seen[0])


def test_a_loss_that_is_no_number_is_never_the_lowest() -> None:
    course = TrainingProgress()
    losses = [math.nan, 2.0, math.nan, 1.0, 1.0, math.inf, 3.0]
    assert [course.count(loss, 0.0) for loss in losses] == [False, True, False, True, False, False, False]
    assert course.least == 1.0


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


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def trained(**changes: Any) -> torch.Tensor:
    run(model := network(), **changes)
    return weights(model)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_each_optimiser_is_torchs(optimiser: str) -> None:
    """One step on all examples, done by hand."""
    model, data = network(), examples(32)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    extra: dict[str, Any] = {"momentum": 0.5} if optimiser == "sgd" else {}
    by_hand = kinds[optimiser](model.parameters(), lr=0.1, weight_decay=0.3, **extra)
    for _ in range(2):
        by_hand.zero_grad()
        torch.nn.functional.cross_entropy(model(data.inputs), data.targets).backward()
        by_hand.step()
    ours = trained(optimiser=optimiser, batch_size=None, epochs=2, weight_decay=0.3, momentum=0.5)
    assert torch.allclose(ours, weights(model), atol=1e-6)


@pytest.mark.parametrize("batch_size", [8, 7])
def test_batches_that_make_one_step_are_one_large_batch(batch_size: int) -> None:
    """Five batches, the last smaller than the others, weigh as the examples in them."""
    settings = {"optimiser": "sgd", "epochs": 3}
    together = trained(batch_size=batch_size, accumulation=5, **settings)
    assert torch.allclose(together, trained(batch_size=None, **settings), atol=1e-6)
    assert not torch.allclose(together, trained(batch_size=batch_size, **settings), atol=1e-3)


def test_balanced_classes_count_the_same() -> None:
    """As if each sample of the rare class were there so many times more."""
    inputs = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    uneven = Examples(inputs, torch.tensor([0] * 6 + [2] * 2))
    even = Examples(torch.cat([inputs, inputs[6:], inputs[6:]]), torch.tensor([0] * 6 + [2] * 6))
    found = []
    for data, class_weight in ((uneven, "balanced"), (even, "none"), (uneven, "none")):
        torch.manual_seed(0)
        model = torch.nn.Linear(2, 3)
        settings = SETTINGS.model_copy(
            update={"class_weight": class_weight, "batch_size": None, "optimiser": "sgd", "epochs": 5}
        )
        fit(model, lambda rows: rows, data, None, settings, 0.1, seed=0)
        found.append(weights(model))
    assert torch.allclose(found[0], found[1], atol=1e-6)
    assert not torch.allclose(found[0], found[2], atol=1e-3)


def test_cosine_annealing_lowers_the_rate_step_by_step() -> None:
    """Gradients of a linear loss stay the same, so each step shows the learning rate that it had."""

    class Linear(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.seen: list[float] = []

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            self.seen.append(self.weight.item())
            return torch.stack([self.weight * 1e-4, -self.weight * 1e-4], dim=1).expand(len(inputs), 2)

    model = Linear()
    settings = SETTINGS.model_copy(
        update={"optimiser": "sgd", "momentum": 0.0, "weight_decay": 0.0, "annealing": "cosine", "epochs": 2}
    )
    data = Examples(torch.zeros(16, 1), torch.zeros(16, dtype=torch.int64))
    fit(model, lambda rows: rows, data, None, settings, 1e3, seed=0)
    steps = torch.tensor([*model.seen, model.weight.item()]).diff()
    expected = (1 + torch.cos(torch.arange(8) * torch.pi / 8)) / 2
    assert torch.allclose(steps / steps[0], expected, atol=1e-3)


def test_training_ends_when_the_loss_falls_no_more() -> None:
    assert run(network(), learning_rate=1e-9, epochs=50, patience=4).epochs == 5
    assert run(network(), epochs=50, patience=4, improvement=0.0).epochs > 5
    assert run(network(), learning_rate=1e-9, epochs=50).epochs == 50


def test_an_improvement_too_small_does_not_count() -> None:
    few, many = (run(network(), epochs=200, patience=3, improvement=amount).epochs for amount in (0.05, 1e-4))
    assert few < many


def test_groups_have_learning_rates_of_their_own() -> None:
    def moved(groups: Any) -> list[float]:
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
        before = [layer.weight.detach().clone() for layer in model]
        settings = SETTINGS.model_copy(update={"epochs": 1, "batch_size": None})
        fit(model, lambda rows: rows, examples(32), None, settings, 0.1, 0, groups=groups(model))
        return [float((layer.weight.detach() - old).abs().max()) for layer, old in zip(model, before, strict=True)]

    torch.manual_seed(0)
    assert moved(lambda model: ()) == pytest.approx([0.1, 0.1], rel=1e-3)
    assert moved(lambda model: [([*model[0].parameters()], 0.01)]) == pytest.approx([0.01, 0.1], rel=1e-3)


@pytest.mark.parametrize(
    ("rows", "changes", "epochs"),
    [
        (32, {"batch_size": 8, "min_steps": 10}, 3),
        (33, {"batch_size": 8, "min_steps": 10}, 3),
        (32, {"batch_size": 8, "min_steps": 10, "accumulation": 2}, 5),
        (5, {"batch_size": None, "min_steps": 7}, 7),
        (32, {"batch_size": 8, "min_steps": 3}, 2),
        (32, {"batch_size": 8}, 2),
    ],
)
def test_few_examples_are_trained_on_for_at_least_so_many_steps(
    rows: int, changes: dict[str, Any], epochs: int
) -> None:
    settings = SETTINGS.model_copy(update={"epochs": 2, **changes})
    steps = 0

    def count(*_: Any) -> None:
        nonlocal steps
        steps += 1

    hook = register_optimizer_step_post_hook(count)
    fitted = fit(network(), lambda rows: rows, examples(rows), None, settings, 0.1, seed=0)
    hook.remove()
    assert fitted.epochs == epochs and steps >= (settings.min_steps or 0)


def test_probing_grows_with_fine_tuning() -> None:
    trainer = ProbeThenFineTuner(epochs=120, probe_epochs=10, batch_size=32, min_steps=240)
    assert (trainer.epochs_for(20), trainer.probe_epochs_for(20)) == (240, 20)
    assert (trainer.epochs_for(64), trainer.probe_epochs_for(64)) == (120, 10)
