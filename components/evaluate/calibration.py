"""Calibration: whether a confidence of 80 % means being right 80 times in a hundred."""

from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 15


def expected_calibration_error(confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 equal-width bins of confidence.

    Args:
        confidence: probability of the predicted class, (N,).
        correct: whether the prediction was right, (N,).

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3.
    """
    counts, confidence_sums, correct_sums = _binned(confidence, correct)
    return float(np.abs(confidence_sums - correct_sums).sum() / counts.sum())


def reliability(confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    """The bins that the calibration error is made of, those without samples left out.

    Args:
        confidence: probability of the predicted class, (N,).
        correct: whether the prediction was right, (N,).

    Returns:
        `low` and `high`, the bin's limits; `count`; the mean `confidence` and the `accuracy` of its samples.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2.
    """
    counts, confidence_sums, correct_sums = _binned(confidence, correct)
    return [
        {
            "low": number / BINS,
            "high": (number + 1) / BINS,
            "count": int(counts[number]),
            "confidence": float(confidence_sums[number] / counts[number]),
            "accuracy": float(correct_sums[number] / counts[number]),
        }
        for number in np.flatnonzero(counts).tolist()
    ]


def _binned(
    confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of each bin: how many samples, and the sums of their confidence and of their right predictions."""
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    confidence_sums = np.bincount(bins, weights=confidence, minlength=BINS).astype(np.float64)
    correct_sums = np.bincount(bins, weights=correct, minlength=BINS).astype(np.float64)
    return np.bincount(bins, minlength=BINS).astype(np.int64), confidence_sums, correct_sums
