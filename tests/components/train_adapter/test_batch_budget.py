"""Training counted in batches."""

import pytest
import torch

from labelcycle.components.core.config.trainers import LinearTrainer
from labelcycle.components.train_adapter.batch_budget import BatchBudget, spend
from labelcycle.components.train_adapter.fit import Examples


def trained(budget: BatchBudget, **settings: object) -> tuple[torch.nn.Linear, list[int], int]:
    """A linear layer after the budget, the points at which it was measured, and the forward passes in training."""
    torch.manual_seed(0)
    network, points, passes = torch.nn.Linear(2, 2), [], []
    network.register_forward_hook(lambda module, *rest: passes.append(module.training))
    examples = Examples(torch.randn(10, 2), torch.arange(10) % 2)
    trainer = LinearTrainer(**{"batch_size": 4, "optimiser": "sgd", "annealing": "cosine"} | settings)  # type: ignore[arg-type]

    def prepare(inputs: torch.Tensor) -> torch.Tensor:
        return inputs

    spend(budget, network, [(list(network.parameters()), 0.1)], prepare, examples, trainer, 0, points.append)
    return network, points, sum(passes)


def test_exactly_the_batches_of_the_share_are_spent() -> None:
    _, points, passes = trained(BatchBudget(range(5, 12), 20, {5, 6, 12, 13}))
    assert passes == 7
    assert points == [6, 12]


def test_the_learning_rate_falls_over_all_loops() -> None:
    first, last = (trained(BatchBudget(share, 1000))[0].weight for share in (range(0, 5), range(995, 1000)))
    torch.manual_seed(0)
    begun = torch.nn.Linear(2, 2).weight
    assert (last - begun).abs().max() < 0.01 * (first - begun).abs().max()


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_optimisers_differ(optimiser: str) -> None:
    mine = trained(BatchBudget(range(4), 4), optimiser=optimiser)[0].weight
    others = [trained(BatchBudget(range(4), 4), optimiser=name)[0].weight for name in ("adam", "adamw", "sgd")]
    assert sum(bool(torch.equal(mine, other)) for other in others) == 1


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_loops_on_the_same_data_are_one_training(optimiser: str) -> None:
    """With all examples in each batch nothing tells two loops from one, where the optimiser goes on."""

    def loops(*ends: int, carry: bool = True) -> torch.Tensor:
        torch.manual_seed(0)
        network, state, begin = torch.nn.Linear(2, 2), None, 0
        examples = Examples(torch.randn(10, 2), torch.arange(10) % 2)
        trainer = LinearTrainer(batch_size=None, optimiser=optimiser, annealing="cosine")  # type: ignore[arg-type]
        for end in ends:
            rates = [(list(network.parameters()), 0.1)]
            budget = BatchBudget(range(begin, end), 12)
            spent = spend(budget, network, rates, lambda rows: rows, examples, trainer, 0, optimiser_before=state)
            state, begin = spent.optimiser if carry else None, end
        return network.weight.detach()

    assert torch.allclose(loops(4, 8, 12), loops(12), atol=1e-6)
    assert not torch.allclose(loops(4, 8, 12, carry=False), loops(12), atol=1e-3)
