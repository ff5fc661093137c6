"""The training loop that all trainers share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from labelcycle.components.core.observation import Progress
from labelcycle.components.core.trainers import Training


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
    """How training went; `validation_accuracy` is None without a validation split."""

    epochs: int
    loss: float
    validation_accuracy: float | None


def seed_everything(seed: int) -> None:
    """Seed every generator that training draws from, and ask torch for repeatable algorithms."""
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
) -> Fitted:
    """Train the parameters of `network` that require gradients, by Adam on the cross-entropy.

    With a validation split the parameters of the best epoch are kept, else those of the last.

    Args:
        network: prepared inputs → logits (B, C).
        prepare: a batch of `inputs` → what the network takes, on its device.
        training: at least one example.
        validation: examples to choose the best epoch by, or None.
        settings: epochs, batch size, weight decay.
        learning_rate: Adam's, constant over the epochs.
        seed: decides the order of the batches.
        precision: a reusable context in which the network computes, such as `torch.autocast`; None for float32.

    Source: PEAL, section 4.1 (optimiser and defaults).
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.Adam(parameters, lr=learning_rate, weight_decay=settings.weight_decay)
    batch_size = settings.batch_size or max(2, len(training.targets))
    generator = torch.Generator().manual_seed(seed)
    best: dict[str, torch.Tensor] | None = None
    best_accuracy: float | None = None
    precision = precision or nullcontext()
    total = 0.0
    with Progress("train", settings.epochs, "epoch") as progress:
        for _ in range(settings.epochs):
            network.train()
            total = 0.0
            for rows in shuffled_batches(len(training.targets), batch_size, generator):
                with precision:
                    logits = network(prepare(training.inputs[rows]))
                loss = torch.nn.functional.cross_entropy(logits.float(), training.targets[rows].to(logits.device))
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.item() * len(rows)
            if validation is not None:
                with precision:
                    accuracy = _accuracy(network, prepare, validation, batch_size)
                if best_accuracy is None or accuracy > best_accuracy:
                    best_accuracy, best = accuracy, _snapshot(network)
            progress.advance()
    if best is not None:
        network.load_state_dict(best, strict=False)
    return Fitted(settings.epochs, total / len(training.targets), best_accuracy)


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


def _snapshot(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copies of what training changes: parameters with gradients, and buffers such as running means."""
    changing = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    changing |= {name for name, _ in network.named_buffers()}
    return {name: value.detach().clone() for name, value in network.state_dict().items() if name in changing}
