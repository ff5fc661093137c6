"""Checkpoints: the whole state of a training, now and then, so that one which was killed resumes."""

import hashlib
import json
import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.digests import canonical_json, digest_of_json
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.train_adapter.optimisation import Tensors, optimiser_state, restore_optimiser

NAME = "checkpoint.safetensors"
"""What the object is called in an attempt. No commit names it, and nothing but a training reads it.

Where one attempt has several trainings, a prefix tells theirs apart.
"""

SECONDS = 60.0
"""The least time between two checkpoints, and before the first, unless the environment says another."""

VARIABLE = "LABELCYCLE_CHECKPOINT_SECONDS"
"""The environment variable that does: fewer seconds for machines that are often taken away."""

FACTS = "facts"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training: arrays of any type, and numbers, texts and None that JSON can hold."""

    tensors: dict[str, torch.Tensor]
    facts: dict[str, Any]


class Checkpoints:
    """The checkpoint of one training: read once when it begins, and replaced as it goes on.

    Args:
        store: where it is kept, each time written whole or not at all.
        key: its name in the store.
        every: the least number of seconds between two writes; a shorter training writes nothing. None takes what the
            environment says, or else `SECONDS`.

    Raises:
        ConfigurationError: the environment says no number.
    """

    def __init__(self, store: Store, key: str, every: float | None = None) -> None:
        self._store, self._key = store, key
        self._every = _seconds() if every is None else every
        self._last = time.monotonic()

    def read(self, identity: str) -> Checkpoint | None:
        """The state that a training of this identity was left in.

        None where there is none; where it is damaged or that of another training, as a notice then says.
        """
        try:
            data = self._store.read(self._key)
        except FileNotFoundError:
            return None
        try:
            tensors = load_tensors(data)
            facts = json.loads(tensors.pop(FACTS).numpy().tobytes())
            owner, digest = facts.pop("identity"), facts.pop("tensors")
            if _digest_of(tensors) != digest:
                raise ValueError("its tensors were changed after it was written")
        except (SafetensorError, KeyError, ValueError, AttributeError) as error:
            notice(f"{self._store.locate(self._key)} is damaged ({error}); training begins afresh.")
            return None
        if owner != identity:
            notice(f"{self._store.locate(self._key)} is that of another training; training begins afresh.")
            return None
        return Checkpoint(tensors, facts)

    @property
    def due(self) -> bool:
        """Whether the last one is old enough for the next."""
        return time.monotonic() - self._last >= self._every

    def write(self, identity: str, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
        facts = canonical_json({**checkpoint.facts, "identity": identity, "tensors": _digest_of(tensors)})
        text = torch.frombuffer(bytearray(facts), dtype=torch.uint8)
        self._store.write(self._key, save_tensors({**tensors, FACTS: text}))
        self._last = time.monotonic()


def _digest_of(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 of tensors in memory of the processor, their names among it."""
    content = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        content.update(f"{name} {tensor.dtype} {[*tensor.shape]}\n".encode())
        content.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return content.hexdigest()


def _seconds() -> float:
    given = os.environ.get(VARIABLE, "")
    try:
        return float(given) if given else SECONDS
    except ValueError as error:
        raise ConfigurationError(f"{VARIABLE} is {given!r}, but must be a number of seconds. Correct it.") from error


def identity_of(network: torch.nn.Module, examples: Iterable[torch.Tensor], **facts: Any) -> str:
    """A digest of all that decides a training's result, but for the code and the parameters that it begins with.

    Args:
        network: whose trained parameters are told apart by name and shape.
        examples: everything that is trained and validated on.
        facts: settings, seed and whatever else decides; plain values.
    """
    return digest_of_json(
        {
            **facts,
            "parameters": {name: [*value.shape] for name, value in network.named_parameters() if value.requires_grad},
            "examples": [hashlib.sha256(tensor.contiguous().numpy().data).hexdigest() for tensor in examples],
        }
    )


def checkpoints_of(work: Attempt, name: str = NAME) -> Checkpoints:
    """The checkpoint of an attempt; trainings of one attempt that follow each other need a name each."""
    return Checkpoints(work.store, work.key(name))


@dataclass
class TrainingProgress:
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
        training_progress: how far it is.
    """

    network: torch.nn.Module
    optimiser: torch.optim.Optimizer
    order: torch.Generator
    training_progress: TrainingProgress = field(default_factory=TrainingProgress)

    def checkpoint(self) -> Checkpoint:
        """Its whole state: parameters, buffers, optimiser, random generators, best epoch and counters."""
        training_progress = self.training_progress
        tensors = state_of(self.network, self.optimiser) | prefixed("best.", training_progress.best or {})
        tensors["random.order"] = self.order.get_state()
        numbers = {
            name: getattr(training_progress, name)
            for name in ("epoch", "loss", "accuracy", "least", "lowest", "waited")
        }
        return Checkpoint(tensors, numbers)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over the state of a training with the same settings."""
        tensors = checkpoint.tensors
        restore_state(self.network, self.optimiser, tensors)
        self.order.set_state(tensors["random.order"])
        for name, value in checkpoint.facts.items():
            setattr(self.training_progress, name, value)
        target = next(self.network.parameters()).device
        self.training_progress.best = {
            name: tensor.to(target) for name, tensor in below(tensors, "best.").items()
        } or None

    @property
    def finite(self) -> bool:
        """Whether the loss is still a number."""
        return math.isfinite(self.training_progress.loss)


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
