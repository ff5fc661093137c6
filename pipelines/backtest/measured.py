"""What an arm measures in each of its cycles."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """One trained cycle of an arm. Seconds are the processor's: of training, and of choosing what was labelled last."""

    cycle: int
    labels: int
    accuracy: float
    macro_f1: float
    training_seconds: float
    selection_seconds: float
