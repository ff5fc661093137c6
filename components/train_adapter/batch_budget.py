"""Training counted in batches rather than epochs: one loop's share of a budget that several loops spend together.

Source: VeCAF, algorithm 1 and sections 3.1 and 4.1: each loop trains on its own selection for an equal share of the
batches. It is one fine-tuning whose data change: the learning rate falls along one cosine over all batches, and the
paper begins no new optimiser. So a loop takes over the momentum (Adam's moments) of the loop before.
"""

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice

import torch

from labelcycle.components.core.config.trainers import Training
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.train_adapter.checkpoints import (
    Checkpoint,
    Checkpoints,
    below,
    changing,
    identity_of,
    prefixed,
    restore_state,
    state_of,
)
from labelcycle.components.train_adapter.fit import Examples, shuffled_batches
from labelcycle.components.train_adapter.optimisation import (
    ParameterGroups,
    Tensors,
    annealed,
    optimiser_of,
    optimiser_state,
    restore_optimiser,
)
from labelcycle.components.train_adapter.trained import Fitted


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


@dataclass(frozen=True)
class SpentBatches:
    """How a loop went, and the state of its optimiser, which the next loop takes over."""

    fitted: Fitted
    optimiser: Tensors


def spend(
    budget: BatchBudget,
    network: torch.nn.Module,
    rates: ParameterGroups,
    prepare: Callable[[torch.Tensor], torch.Tensor],
    training: Examples,
    settings: Training,
    seed: int,
    measure: Callable[[int], None] | None = None,
    precision: AbstractContextManager[object] | None = None,
    optimiser_before: Tensors | None = None,
    checkpoints: Checkpoints | None = None,
    forward: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> SpentBatches:
    """Train for exactly the batches of the budget.

    Args:
        budget: which batches.
        network: prepared inputs → logits (B, C).
        rates: groups of parameters, each with its learning rate at the very first batch of all.
        prepare: a batch of inputs → what the network takes, on its device.
        training: at least one example; they are gone through in a new order again and again.
        settings: optimiser, batch size, weight decay, momentum and annealing; not its epochs.
        seed: decides the order of the batches.
        measure: called at each point with the batches so far, the network in evaluation mode. A training that goes on
            from a checkpoint calls it again for the points that it had passed, with the network as it was there.
        precision: a reusable context in which the network computes, such as `torch.autocast`; None for float32.
        optimiser_before: the state that the loop before left; None begins without any.
        checkpoints: where the state of a long training is kept, between two batches; as in `fit`.
        forward: what is called in training instead of the network, with prepared inputs and the rows of the examples
            that they are of; its parameters are the network's.

    Returns:
        With the optimiser's state the passes over the examples, a begun one counted, and the mean loss over as many
        last batches as a pass has.
    """
    optimiser = optimiser_of(rates, settings)
    if optimiser_before is not None:
        restore_optimiser(optimiser, optimiser_before)
    batch_size = settings.batch_size or max(2, len(training.targets))
    precision = precision or nullcontext()
    identity = "" if checkpoints is None else _identity(budget, network, rates, training, settings, seed)
    found = None if checkpoints is None else checkpoints.read(identity)
    losses, passed = ([], {}) if found is None else _resume(found, network, optimiser, measure)
    a_pass = max(1, math.ceil(len(training.targets) / batch_size))
    batches = _endless(len(training.targets), batch_size, torch.Generator().manual_seed(seed))
    network.train()
    with Progress("train", len(budget.share), "batch") as progress:
        progress.advance(done := len(losses))
        for number, rows in zip(budget.share[done:], islice(batches, done, None), strict=False):
            for group, (_, rate) in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * annealed(number, budget.total, settings)
            with precision:
                inputs = prepare(training.inputs[rows])
                logits = network(inputs) if forward is None else forward(inputs, rows)
            losses.append(_step(optimiser, logits, training.targets[rows]))
            if measure is not None and number + 1 in budget.points:
                network.eval()
                measure(number + 1)
                network.train()
                passed[number + 1] = changing(network)
            if checkpoints is not None and checkpoints.due and math.isfinite(losses[-1]):
                checkpoints.write(identity, _checkpoint(network, optimiser, losses, passed))
            progress.advance()
    network.eval()
    fitted = Fitted(math.ceil(len(losses) / a_pass), sum(losses[-a_pass:]) / len(losses[-a_pass:]), None)
    return SpentBatches(fitted, optimiser_state(optimiser))


def _resume(
    found: Checkpoint,
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    measure: Callable[[int], None] | None,
) -> tuple[list[float], dict[int, Tensors]]:
    """Take over a checkpoint, and measure again at the points that it had passed.

    Returns:
        The loss of each batch so far, and what training had changed at each of those points.
    """
    passed: dict[int, Tensors] = {}
    if measure is not None:
        network.eval()
        for point in found.facts["points"]:
            passed[point] = below(found.tensors, _of_point(point))
            network.load_state_dict(passed[point], strict=False)
            measure(point)
    restore_state(network, optimiser, found.tensors)
    return found.facts["losses"], passed


def _step(optimiser: torch.optim.Optimizer, logits: torch.Tensor, targets: torch.Tensor) -> float:
    """One step on the gradients of a batch. Returns its loss."""
    loss = torch.nn.functional.cross_entropy(logits.float(), targets.to(logits.device))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def _checkpoint(
    network: torch.nn.Module, optimiser: torch.optim.Optimizer, losses: list[float], passed: dict[int, Tensors]
) -> Checkpoint:
    tensors = state_of(network, optimiser)
    for point, then in passed.items():
        tensors |= prefixed(_of_point(point), then)
    return Checkpoint(tensors, {"losses": losses, "points": sorted(passed)})


def _of_point(point: int) -> str:
    return f"point.{point}."


def _identity(
    budget: BatchBudget,
    network: torch.nn.Module,
    rates: ParameterGroups,
    training: Examples,
    settings: Training,
    seed: int,
) -> str:
    return identity_of(
        network,
        [training.inputs, training.targets],
        settings=settings.model_dump(mode="json"),
        rates=[rate for _, rate in rates],
        seed=seed,
        batches=[budget.share.start, budget.share.stop, budget.total],
    )


def _endless(rows: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    while True:
        yield from shuffled_batches(rows, batch_size, generator)
