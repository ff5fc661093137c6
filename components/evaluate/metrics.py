"""Test metrics of one cycle, from class probabilities.

Written in numpy because importing scikit-learn would cost every cycle a second; the tests compare with scikit-learn.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.evaluate.calibration import expected_calibration_error


def classification_metrics(
    probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64], classes: list[str]
) -> dict[str, Any]:
    """Accuracy, macro F1, calibration error, per-class figures and the confusion matrix.

    Args:
        probabilities: (N, C).
        truth: true class indices, (N,), N ≥ 1.
        classes: C names.

    Returns:
        Plain values; a precision or recall without any case counts as 0. Macro F1 is the mean over classes that occur
        in `truth`, so that a class absent from the test set does not count as failed.
    """
    predicted = probabilities.argmax(axis=1)
    count = len(classes)
    confusion = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    right, support, claimed = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision = right / np.maximum(claimed, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(support + claimed, 1)
    return {
        "accuracy": float(right.sum() / len(truth)),
        "macro_f1": float(f1[support > 0].mean()),
        "ece": expected_calibration_error(probabilities.max(axis=1), predicted == truth),
        "test_samples": len(truth),
        "classes": [
            {
                "name": name,
                "precision": float(precision[number]),
                "recall": float(recall[number]),
                "f1": float(f1[number]),
                "support": int(support[number]),
            }
            for number, name in enumerate(classes)
        ],
        "confusion": confusion.tolist(),
    }
