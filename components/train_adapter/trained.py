"""What training produces, whatever trains. Needs no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labelcycle.components.core.models.heads import Head

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Fitted:
    """How training went.

    Attributes:
        epochs: those that were done; of a solver, its iterations.
        loss: mean over the last of them, or over the one that is kept for its loss.
        validation_accuracy: of the epoch that is kept; None without a validation split.
        temperature: by which the head's logits are divided already; None where none was fitted.
        unlabelled: samples without a label that took part; None where the trainer takes none.
    """

    epochs: int
    loss: float
    validation_accuracy: float | None
    temperature: float | None = None
    unlabelled: int | None = None


@dataclass(frozen=True)
class Trained:
    """A trained head, the adapter's files by name and the backbone's weights, where these were trained.

    `optimiser` is the state of the optimiser where the next cycle goes on with it.
    """

    head: Head
    adapter: dict[str, bytes] | None
    fitted: Fitted
    examples: int
    trainable_parameters: int
    total_parameters: int
    backbone: bytes | None = None
    optimiser: "dict[str, torch.Tensor] | None" = None
