"""Training counted in batches rather than epochs: one loop's share of a budget that several loops spend together.

Source: VeCAF, sections 3.1 and 4.1: each loop trains on its own selection for an equal share of the batches, and the
learning rate falls along one cosine over all of them.
"""

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from labelcycle.components.core.observation import Progress
from labelcycle.components.core.trainers import Training
from labelcycle.components.train_adapter.fit import Examples, Fitted, shuffled_batches
from labelcycle.components.train_adapter.optimisation import ParameterGroups, annealed, optimiser_of


@dataclass(frozen=True)
class BatchBudget:
    """The batches of one loop.

    Attributes:
        share: their numbers among those of all loops, from 0.
        total: how many all loops have.
        points: after how many batches in all the network is measured.
    """

    share: range
    total: int
    points: Collection[int] = ()


def spend(
    budget: BatchBudget,
    network: torch.nn.Module,
    rates: ParameterGroups,
    prepare: Callable[[torch.Tensor], torch.Tensor],
    training: Examples,
    settings: Training,
    seed: int,
    measure: Callable[[int], None] = lambda batches: None,
    precision: AbstractContextManager[object] | None = None,
) -> Fitted:
    """Train for exactly the batches of the budget; momentum begins afresh.

    Args:
        budget: which batches.
        network: prepared inputs → logits (B, C).
        rates: groups of parameters, each with its learning rate at the very first batch of all.
        prepare: a batch of inputs → what the network takes, on its device.
        training: at least one example; they are gone through in a new order again and again.
        settings: optimiser, batch size, weight decay, momentum and annealing; not its epochs.
        seed: decides the order of the batches.
        measure: called at each point with the batches so far, the network in evaluation mode.
        precision: a reusable context in which the network computes, such as `torch.autocast`; None for float32.

    Returns:
        The passes over the examples, a begun one counted, and the mean loss over as many last batches as a pass has.
    """
    optimiser = optimiser_of(rates, settings)
    batch_size = settings.batch_size or max(2, len(training.targets))
    precision = precision or nullcontext()
    losses: list[float] = []
    a_pass = max(1, math.ceil(len(training.targets) / batch_size))
    batches = _endless(len(training.targets), batch_size, torch.Generator().manual_seed(seed))
    network.train()
    with Progress("train", len(budget.share), "batch") as progress:
        for number in budget.share:
            for group, (_, rate) in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * annealed(number, budget.total, settings)
            rows = next(batches)
            with precision:
                logits = network(prepare(training.inputs[rows]))
            loss = torch.nn.functional.cross_entropy(logits.float(), training.targets[rows].to(logits.device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            if number + 1 in budget.points:
                network.eval()
                measure(number + 1)
                network.train()
            progress.advance()
    network.eval()
    return Fitted(math.ceil(len(losses) / a_pass), sum(losses[-a_pass:]) / len(losses[-a_pass:]), None)


def _endless(rows: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    while True:
        yield from shuffled_batches(rows, batch_size, generator)
