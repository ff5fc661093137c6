"""The training loop that all trainers share.

Training on accelerators and in several processes, through Hugging Face accelerate.

`accelerate launch --num_processes N -m labelcycle.pipelines.cli.main stage train_adapter …` starts one process a GPU.
Each takes its share of every batch, so that a step is that of one process on the whole batch, but for two things:
batch normalisation takes the mean and variance of the share, and dropout draws other masks. Only the main process
writes.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from labelcycle.components.core.campaign.campaign import Precision
from labelcycle.components.core.config.environment import is_main_process, processes
from labelcycle.components.core.config.trainers import Training
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.train_adapter.checkpoints import Checkpoints, Running, changing, identity_of
from labelcycle.components.train_adapter.optimisation import ParameterGroups, annealed, groups_of, optimiser_of
from labelcycle.components.train_adapter.trained import Fitted


@dataclass(frozen=True)
class Examples:
    """What is trained or validated on.

    Attributes:
        inputs: (N, …), features or uint8 pixels.
        targets: int64 (N,), indices into the campaign's classes.
        weights: float32 (N,), what each counts in training, 1 on average; None for what the settings say.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor | None = None


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
    """Train the parameters of `network` that require gradients on the cross-entropy, weighted if the settings say so.

    With a validation split the parameters of the best epoch are kept, else those at the end of the epoch of lowest
    loss where `settings.keeps_lowest_loss`, else those of the last. Annealing lowers the learning rates step by step.
    Gradients of batches that make one step together are weighted by their sizes, so the step is that of one large batch
    (but for batch normalisation and dropout within the batches). What is frozen is neither optimised nor copied.

    Args:
        network: prepared inputs → logits (B, C).
        prepare: a batch of `inputs` → what the network takes, on its device.
        training: at least one example.
        validation: examples to choose the best epoch by, or None.
        settings: epochs, batch size, optimiser, weight decay, annealing, accumulation, early stopping, class weights.
        learning_rate: that the parameters begin with which are in no group.
        seed: decides the order of the batches. Dropout draws from torch's own generators: see `seed_everything`.
        precision: a reusable context in which the network computes, such as `torch.autocast`; None for float32.
        groups: parameters with learning rates of their own, such as those of a backbone.
        checkpoints: where the state of a long training is kept. One that was killed, with the same settings, seed and
            examples, goes on from there, and ends with the same parameters, bit for bit, as if it had not been.
        acceleration: mixed precision and several processes through accelerate; None for one process as it is.

    Source: PEAL, section 4.1 (Adam, best epoch); ASVP, section 6.1 (SGD, annealing); DropQuery's code (lowest loss).
    """
    settings = settings.model_copy(update={"epochs": settings.epochs_for(len(training.targets))})
    rates = groups_of(network, learning_rate, groups)
    running = Running(network, optimiser_of(rates, settings), torch.Generator().manual_seed(seed))
    training_progress = running.training_progress
    first_rates = [group["lr"] for group in running.optimiser.param_groups]
    identity = "" if checkpoints is None else _identity(network, training, validation, settings, first_rates, seed)
    if checkpoints is not None and (found := checkpoints.read(identity)) is not None:
        running.restore(found)
    batch_size = settings.batch_size or max(2, len(training.targets))
    weights = training.weights
    if weights is None and settings.class_weight == "balanced":
        weights = balanced_weights(training.targets)
    by_loss = validation is None and settings.keeps_lowest_loss
    precision = precision or nullcontext()
    called = network if acceleration is None else acceleration.wrap(network)
    with Progress("train", settings.epochs, "epoch") as progress:
        progress.advance(training_progress.epoch)
        while training_progress.epoch < settings.epochs and (
            settings.patience is None or training_progress.waited < settings.patience
        ):
            if acceleration is not None:
                acceleration.begin_epoch(seed, training_progress.epoch)
            epoch = _Epoch(running, called, prepare, training, settings, first_rates, precision, acceleration, weights)
            loss = epoch.run(batch_size)
            if acceleration is not None:
                acceleration.agree(network)
            lowest = training_progress.count(loss, settings.improvement)
            if by_loss and lowest:
                training_progress.best = changing(network)
            if validation is not None:
                with precision:
                    accuracy = _accuracy(network, prepare, validation, batch_size)
                if training_progress.accuracy is None or accuracy > training_progress.accuracy:
                    training_progress.accuracy, training_progress.best = accuracy, changing(network)
            if checkpoints is not None and is_main_process() and checkpoints.due and running.finite:
                checkpoints.write(identity, running.checkpoint())
            progress.advance()
    if acceleration is not None:
        acceleration.unwrap(called)
    if training_progress.best is not None:
        network.load_state_dict(training_progress.best, strict=False)
    loss = training_progress.least if by_loss and training_progress.least is not None else training_progress.loss
    return Fitted(training_progress.epoch, loss, training_progress.accuracy)


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
    weights: torch.Tensor | None

    def run(self, batch_size: int) -> float:
        """Go over all examples once. Returns their mean loss."""
        optimiser, together = self.running.optimiser, self.settings.accumulation
        self.called.train()
        batches = list(shuffled_batches(len(self.training.targets), batch_size, self.running.order))
        steps = math.ceil(len(batches) / together)
        losses = []
        for step in range(steps):
            done = self.running.training_progress.epoch * steps + step
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
            loss = self._loss(logits.float(), own) * weight
            if self.acceleration is None:
                loss.backward()
            else:
                self.acceleration.backward(loss)
            losses.append(loss.detach() * size)
        self.running.optimiser.step()
        return losses

    def _loss(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The mean cross-entropy of these examples, each with its weight; all weights together are 1 on average."""
        targets = self.training.targets[rows].to(logits.device)
        mean: torch.Tensor
        if self.weights is None:
            mean = torch.nn.functional.cross_entropy(logits, targets)
        else:
            losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
            mean = (losses * self.weights[rows].to(logits.device)).mean()
        return mean


def balanced_weights(targets: torch.Tensor) -> torch.Tensor:
    """Weights that give every class that occurs the same total, 1 on average: int64 (N,) → float32 (N,)."""
    _, places, sizes = torch.unique(targets, return_inverse=True, return_counts=True)
    weights: torch.Tensor = len(targets) / (len(sizes) * sizes[places])
    return weights.float()


def _identity(
    network: torch.nn.Module,
    training: Examples,
    validation: Examples | None,
    settings: Training,
    rates: list[float],
    seed: int,
) -> str:
    parts = [training] if validation is None else [training, validation]
    tensors = [found for part in parts for found in (part.inputs, part.targets, part.weights) if found is not None]
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


class Acceleration:
    """What the training loop leaves to accelerate. Make it before anything is put on a device.

    Args:
        precision: `bfloat16` for mixed precision.
    """

    def __init__(self, precision: Precision = "float32") -> None:
        from accelerate import Accelerator

        mixed = "bf16" if precision == "bfloat16" else "no"
        self._accelerator = Accelerator(cpu=not torch.cuda.is_available(), mixed_precision=mixed)

    def wrap(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network as it is called in training: in mixed precision, and with gradients of all processes averaged.

        Parameters and buffers are those of `network`, and begin as in the main process.
        """
        wrapped: torch.nn.Module = self._accelerator.prepare_model(network)
        return wrapped

    def unwrap(self, network: torch.nn.Module) -> None:
        """Make `network`, which was wrapped, what it was."""
        self._accelerator.unwrap_model(network, keep_fp32_wrapper=False)

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """Give each process dropout masks of its own, which a training that goes on draws again."""
        if processes() > 1:
            torch.manual_seed(seed_for(seed, epoch, f"process {self._accelerator.process_index}"))

    def share(self, rows: torch.Tensor) -> torch.Tensor:
        """This process's part of a batch; the whole of one that has fewer rows than there are processes."""
        count = self._accelerator.num_processes
        return rows if len(rows) < count else rows.tensor_split(count)[self._accelerator.process_index]

    def weight(self, rows: torch.Tensor, size: int) -> float:
        """What the mean loss of this process's part of `rows` counts for in a step of `size` rows."""
        count = self._accelerator.num_processes
        return len(rows) / size if len(rows) < count else len(self.share(rows)) * count / size

    def backward(self, loss: torch.Tensor) -> None:
        """Gradients of the loss."""
        self._accelerator.backward(loss)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean of a number over all processes."""
        averaged: torch.Tensor = self._accelerator.reduce(value, reduction="mean")
        return averaged

    def agree(self, network: torch.nn.Module) -> None:
        """Give every process the main one's buffers, such as running means."""
        if processes() > 1:
            from accelerate.utils import broadcast

            for buffer in network.buffers():
                broadcast(buffer)


def acceleration_for(precision: Precision) -> Acceleration | None:
    """Where there is a GPU, or several processes were launched; None where there is one process on a CPU."""
    return Acceleration(precision) if torch.cuda.is_available() or processes() > 1 else None
