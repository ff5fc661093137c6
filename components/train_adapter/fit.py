"""The training loop that all trainers share."""

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.observation import Progress
from labelcycle.components.core.trainers import Training
from labelcycle.components.train_adapter.checkpoints import Checkpoints
from labelcycle.components.train_adapter.course import Running, changing
from labelcycle.components.train_adapter.optimisation import ParameterGroups, annealed, groups_of, optimiser_of


@dataclass(frozen=True)
class Examples:
    """What is trained or validated on.

    Attributes:
        inputs: (N, …), features or uint8 pixels.
        targets: int64 (N,), indices into the campaign's classes.
    """

    inputs: torch.Tensor
    targets: torch.Tensor


@dataclass(frozen=True)
class Fitted:
    """How training went.

    Attributes:
        epochs: those that were done.
        loss: mean over the last of them.
        validation_accuracy: of the epoch that is kept; None without a validation split.
    """

    epochs: int
    loss: float
    validation_accuracy: float | None


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
) -> Fitted:
    """Train the parameters of `network` that require gradients on the cross-entropy.

    With a validation split the parameters of the best epoch are kept, else those of the last. Annealing lowers the
    learning rates step by step. Gradients of batches that make one step together are weighted by their sizes, so the
    step is that of one large batch (but for batch normalisation and dropout within the batches). What is frozen is
    neither optimised nor copied.

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

    Source: PEAL, section 4.1 (Adam, best epoch); ASVP, section 6.1 (SGD, annealing).
    """
    rates = groups_of(network, learning_rate, groups)
    running = Running(network, optimiser_of(rates, settings), torch.Generator().manual_seed(seed))
    course = running.course
    first_rates = [group["lr"] for group in running.optimiser.param_groups]
    identity = "" if checkpoints is None else _identity(network, training, validation, settings, first_rates, seed)
    if checkpoints is not None and (found := checkpoints.read(identity)) is not None:
        running.restore(found)
    batch_size = settings.batch_size or max(2, len(training.targets))
    precision = precision or nullcontext()
    with Progress("train", settings.epochs, "epoch") as progress:
        progress.advance(course.epoch)
        while course.epoch < settings.epochs and (settings.patience is None or course.waited < settings.patience):
            loss = _one_epoch(running, prepare, training, settings, first_rates, batch_size, precision)
            course.count(loss, settings.improvement)
            if validation is not None:
                with precision:
                    accuracy = _accuracy(network, prepare, validation, batch_size)
                if course.accuracy is None or accuracy > course.accuracy:
                    course.accuracy, course.best = accuracy, changing(network)
            if checkpoints is not None and checkpoints.due and running.finite:
                checkpoints.write(identity, running.checkpoint())
            progress.advance()
    if course.best is not None:
        network.load_state_dict(course.best, strict=False)
    return Fitted(course.epoch, course.loss, course.accuracy)


def _one_epoch(
    running: Running,
    prepare: Callable[[torch.Tensor], torch.Tensor],
    training: Examples,
    settings: Training,
    first_rates: list[float],
    batch_size: int,
    precision: AbstractContextManager[object],
) -> float:
    """Go over all examples once. Returns their mean loss."""
    network, optimiser = running.network, running.optimiser
    network.train()
    batches = list(shuffled_batches(len(training.targets), batch_size, running.order))
    steps = math.ceil(len(batches) / settings.accumulation)
    losses = []
    for step in range(steps):
        share = annealed(running.course.epoch * steps + step, settings.epochs * steps, settings)
        for group, rate in zip(optimiser.param_groups, first_rates, strict=True):
            group["lr"] = rate * share
        together = batches[step * settings.accumulation : (step + 1) * settings.accumulation]
        size = sum(len(rows) for rows in together)
        optimiser.zero_grad()
        for rows in together:
            with precision:
                logits = network(prepare(training.inputs[rows]))
            loss = torch.nn.functional.cross_entropy(logits.float(), training.targets[rows].to(logits.device))
            loss = loss * (len(rows) / size)
            loss.backward()
            losses.append(loss.detach() * size)
        optimiser.step()
    return float(torch.stack(losses).sum(dtype=torch.float64)) / len(training.targets)


def _identity(
    network: torch.nn.Module,
    training: Examples,
    validation: Examples | None,
    settings: Training,
    rates: list[float],
    seed: int,
) -> str:
    """A digest of all that decides the result, but for the code and the parameters that training begins with."""
    examples = [training] if validation is None else [training, validation]
    return digest_of_json(
        {
            "settings": settings.model_dump(mode="json"),
            "rates": rates,
            "seed": seed,
            "parameters": {name: [*value.shape] for name, value in network.named_parameters() if value.requires_grad},
            "examples": [
                hashlib.sha256(tensor.contiguous().numpy().data).hexdigest()
                for part in examples
                for tensor in (part.inputs, part.targets)
            ],
        }
    )


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
