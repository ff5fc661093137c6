"""How well a share of samples is known: intervals and half-widths at 95 %."""

import math

NORMAL_95 = 1.959964
ROUNDING = 1e-9
"""Accuracies this close are the same: far less than one test sample, far more than floating-point error."""


def wilson_interval(right: int, samples: int) -> tuple[float, float]:
    """The 95 % interval of a share of independent samples; within 0 and 1, and of some width for 0 and 1 too.

    Args:
        right: samples that count.
        samples: all of them, at least one.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927.
    """
    share, squared = right / samples, NORMAL_95**2
    middle = share + squared / (2 * samples)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / samples + squared / (4 * samples**2))
    scale = 1 + squared / samples
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def margin_of_error(samples: int, accuracy: float = 0.5) -> float:
    """Half the width of the 95 % interval of an accuracy, by the normal approximation; widest at one half.

    Args:
        samples: of the test set, at least one.
        accuracy: what is measured, between 0 and 1.
    """
    return NORMAL_95 * math.sqrt(accuracy * (1 - accuracy) / samples)
