"""How far a training is: everything that it needs, beside its data, to go on as if it had never stopped."""

import math
from dataclasses import dataclass, field

import torch

from labelcycle.components.train_adapter.checkpoints import Checkpoint
from labelcycle.components.train_adapter.optimisation import Tensors, optimiser_state, restore_optimiser


@dataclass
class Course:
    """What a training has come to.

    Attributes:
        epoch: epochs done.
        loss: mean of the last epoch.
        accuracy: the best on the validation split, None before the first.
        best: what training had changed at the end of the best epoch; None where the last is kept.
        least: the lowest loss of any epoch, None before the first finite one.
        lowest: the loss from which the next improvement is counted.
        waited: epochs since then.
    """

    epoch: int = 0
    loss: float = 0.0
    accuracy: float | None = None
    best: Tensors | None = None
    least: float | None = None
    lowest: float | None = None
    waited: int = 0

    def count(self, loss: float, improvement: float) -> bool:
        """One more epoch, of this mean loss. Returns whether it is the lowest of all so far."""
        self.epoch += 1
        self.loss = loss
        if self.lowest is None or loss < self.lowest - improvement:
            self.lowest, self.waited = loss, 0
        else:
            self.waited += 1
        lowest = math.isfinite(loss) and (self.least is None or loss < self.least)
        if lowest:
            self.least = loss
        return lowest


@dataclass(frozen=True)
class Running:
    """A training between two epochs.

    Attributes:
        network: with the parameters that it has now.
        optimiser: of these parameters.
        order: the generator of the batches.
        course: how far it is.
    """

    network: torch.nn.Module
    optimiser: torch.optim.Optimizer
    order: torch.Generator
    course: Course = field(default_factory=Course)

    def checkpoint(self) -> Checkpoint:
        """Its whole state: parameters, buffers, optimiser, random generators, best epoch and counters."""
        course = self.course
        tensors = state_of(self.network, self.optimiser) | prefixed("best.", course.best or {})
        tensors["random.order"] = self.order.get_state()
        numbers = {name: getattr(course, name) for name in ("epoch", "loss", "accuracy", "least", "lowest", "waited")}
        return Checkpoint(tensors, numbers)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over the state of a training with the same settings."""
        tensors = checkpoint.tensors
        restore_state(self.network, self.optimiser, tensors)
        self.order.set_state(tensors["random.order"])
        for name, value in checkpoint.facts.items():
            setattr(self.course, name, value)
        place = next(self.network.parameters()).device
        self.course.best = {name: tensor.to(place) for name, tensor in below(tensors, "best.").items()} or None

    @property
    def finite(self) -> bool:
        """Whether the loss is still a number."""
        return math.isfinite(self.course.loss)


def state_of(network: torch.nn.Module, optimiser: torch.optim.Optimizer) -> Tensors:
    """What every training needs to go on: what it has changed, the optimiser's state, and torch's generators."""
    tensors = prefixed("network.", changing(network)) | prefixed("optimiser.", optimiser_state(optimiser))
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return tensors


def restore_state(network: torch.nn.Module, optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Take over what `state_of` gave for a network and an optimiser of the same kinds."""
    network.load_state_dict(below(tensors, "network."), strict=False)
    restore_optimiser(optimiser, below(tensors, "optimiser."))
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])


def changing(network: torch.nn.Module) -> Tensors:
    """Copies of what training changes: parameters with gradients, and buffers such as running means."""
    names = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    names |= {name for name, _ in network.named_buffers()}
    return {name: value.detach().clone() for name, value in network.state_dict().items() if name in names}


def prefixed(prefix: str, tensors: Tensors) -> Tensors:
    """The tensors under names that begin with `prefix`."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def below(tensors: Tensors, prefix: str) -> Tensors:
    """Those whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
