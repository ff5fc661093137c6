"""Calibration: whether a confidence of 80 % means being right 80 times in a hundred."""

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
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    confidence_sums = np.bincount(bins, weights=confidence, minlength=BINS)
    correct_sums = np.bincount(bins, weights=correct, minlength=BINS)
    return float(np.abs(confidence_sums - correct_sums).sum() / counts.sum())
