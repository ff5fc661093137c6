"""The training loop that all trainers share."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from labelcycle.components.core.observation import Progress
from labelcycle.components.core.processes import is_main_process
from labelcycle.components.core.trainers import Training
from labelcycle.components.train_adapter.checkpoints import Checkpoints, identity_of
from labelcycle.components.train_adapter.course import Running, changing
from labelcycle.components.train_adapter.optimisation import ParameterGroups, annealed, groups_of, optimiser_of
from labelcycle.components.train_adapter.trained import Fitted

if TYPE_CHECKING:
    from labelcycle.components.train_adapter.acceleration import Acceleration


@dataclass(frozen=True)
class Examples:
    """What is trained or validated on.

    Attributes:
        inputs: (N, …), features or uint8 pixels.
        targets: int64 (N,), indices into the campaign's classes.
    """

    inputs: torch.Tensor
    targets: torch.Tensor


def seed_everything(seed: int) -> None:
    """Seed every generator that training draws from, on all devices, and ask torch for repeatable algorithms."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def fit(
    network: torch.nn.Module,
    prepare: Callable[[torch.Tensor], torch.Tensor],
    training: Examples,
    validation: Examples | None,
    settings: Training,
    learning_rate: float,
    seed: int,
    precision: AbstractContextManager[object] | None = None,
    groups: ParameterGroups = (),
    checkpoints: Checkpoints | None = None,
    acceleration: "Acceleration | None" = None,
) -> Fitted:
    """Train the parameters of `network` that require gradients on the cross-entropy.

    With a validation split the parameters of the best epoch are kept, else those at the end of the epoch of lowest
    loss where `settings.keeps_lowest_loss`, else those of the last. Annealing lowers the learning rates step by step.
    Gradients of batches that make one step together are weighted by their sizes, so the step is that of one large batch
    (but for batch normalisation and dropout within the batches). What is frozen is neither optimised nor copied.

    Args:
        network: prepared inputs → logits (B, C).
        prepare: a batch of `inputs` → what the network takes, on its device.
        training: at least one example.
        validation: examples to choose the best epoch by, or None.
        settings: epochs, batch size, optimiser, weight decay, annealing, accumulation, early stopping.
        learning_rate: that the parameters begin with which are in no group.
        seed: decides the order of the batches. Dropout draws from torch's own generators: see `seed_everything`.
        precision: a reusable context in which the network computes, such as `torch.autocast`; None for float32.
        groups: parameters with learning rates of their own, such as those of a backbone.
        checkpoints: where the state of a long training is kept. One that was killed, with the same settings, seed and
            examples, goes on from there, and ends with the same parameters, bit for bit, as if it had not been.
        acceleration: mixed precision and several processes through accelerate; None for one process as it is.

    Source: PEAL, section 4.1 (Adam, best epoch); ASVP, section 6.1 (SGD, annealing); DropQuery's code (lowest loss).
    """
    rates = groups_of(network, learning_rate, groups)
    running = Running(network, optimiser_of(rates, settings), torch.Generator().manual_seed(seed))
    course = running.course
    first_rates = [group["lr"] for group in running.optimiser.param_groups]
    identity = "" if checkpoints is None else _identity(network, training, validation, settings, first_rates, seed)
    if checkpoints is not None and (found := checkpoints.read(identity)) is not None:
        running.restore(found)
    batch_size = settings.batch_size or max(2, len(training.targets))
    by_loss = validation is None and settings.keeps_lowest_loss
    precision = precision or nullcontext()
    called = network if acceleration is None else acceleration.wrap(network)
    with Progress("train", settings.epochs, "epoch") as progress:
        progress.advance(course.epoch)
        while course.epoch < settings.epochs and (settings.patience is None or course.waited < settings.patience):
            if acceleration is not None:
                acceleration.begin_epoch(seed, course.epoch)
            epoch = _Epoch(running, called, prepare, training, settings, first_rates, precision, acceleration)
            loss = epoch.run(batch_size)
            if acceleration is not None:
                acceleration.agree(network)
            lowest = course.count(loss, settings.improvement)
            if by_loss and lowest:
                course.best = changing(network)
            if validation is not None:
                with precision:
                    accuracy = _accuracy(network, prepare, validation, batch_size)
                if course.accuracy is None or accuracy > course.accuracy:
                    course.accuracy, course.best = accuracy, changing(network)
            if checkpoints is not None and is_main_process() and checkpoints.due and running.finite:
                checkpoints.write(identity, running.checkpoint())
            progress.advance()
    if acceleration is not None:
        acceleration.unwrap(called)
    if course.best is not None:
        network.load_state_dict(course.best, strict=False)
    loss = course.least if by_loss and course.least is not None else course.loss
    return Fitted(course.epoch, loss, course.accuracy)


@dataclass(frozen=True)
class _Epoch:
    """What one pass over the examples takes; `called` is the network as it is called in training."""

    running: Running
    called: torch.nn.Module
    prepare: Callable[[torch.Tensor], torch.Tensor]
    training: Examples
    settings: Training
    rates: list[float]
    precision: AbstractContextManager[object]
    acceleration: "Acceleration | None"

    def run(self, batch_size: int) -> float:
        """Go over all examples once. Returns their mean loss."""
        optimiser, together = self.running.optimiser, self.settings.accumulation
        self.called.train()
        batches = list(shuffled_batches(len(self.training.targets), batch_size, self.running.order))
        steps = math.ceil(len(batches) / together)
        losses = []
        for step in range(steps):
            done = self.running.course.epoch * steps + step
            share = annealed(done, self.settings.epochs * steps, self.settings)
            for group, rate in zip(optimiser.param_groups, self.rates, strict=True):
                group["lr"] = rate * share
            losses += self._step(batches[step * together : (step + 1) * together])
        total = torch.stack(losses).sum(dtype=torch.float64)
        if self.acceleration is not None:
            total = self.acceleration.mean(total)
        return float(total) / len(self.training.targets)

    def _step(self, batches: list[torch.Tensor]) -> list[torch.Tensor]:
        """One step on the gradients of these batches. Returns the sum of the losses in each."""
        size = sum(len(rows) for rows in batches)
        self.running.optimiser.zero_grad()
        losses = []
        for rows in batches:
            own = rows if self.acceleration is None else self.acceleration.share(rows)
            weight = len(rows) / size if self.acceleration is None else self.acceleration.weight(rows, size)
            with self.precision:
                logits = self.called(self.prepare(self.training.inputs[own]))
            targets = self.training.targets[own].to(logits.device)
            loss = torch.nn.functional.cross_entropy(logits.float(), targets) * weight
            if self.acceleration is None:
                loss.backward()
            else:
                self.acceleration.backward(loss)
            losses.append(loss.detach() * size)
        self.running.optimiser.step()
        return losses


def _identity(
    network: torch.nn.Module,
    training: Examples,
    validation: Examples | None,
    settings: Training,
    rates: list[float],
    seed: int,
) -> str:
    parts = [training] if validation is None else [training, validation]
    tensors = [tensor for part in parts for tensor in (part.inputs, part.targets)]
    return identity_of(network, tensors, settings=settings.model_dump(mode="json"), rates=rates, seed=seed)


def shuffled_batches(rows: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Row indices in random order, in batches; a last batch of a single row joins the one before it."""
    order = torch.randperm(rows, generator=generator)
    batches = list(order.split(batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    yield from batches


@torch.inference_mode()
def _accuracy(
    network: torch.nn.Module, prepare: Callable[[torch.Tensor], torch.Tensor], examples: Examples, batch_size: int
) -> float:
    network.eval()
    right = 0
    for rows in torch.arange(len(examples.targets)).split(batch_size):
        predicted = network(prepare(examples.inputs[rows])).argmax(dim=1).cpu()
        right += int((predicted == examples.targets[rows]).sum())
    return right / len(examples.targets)
