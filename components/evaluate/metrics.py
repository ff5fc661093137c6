"""Test metrics of one cycle, from class probabilities."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from labelcycle.components.evaluate.calibration import expected_calibration_error


def classification_metrics(
    probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64], classes: list[str]
) -> dict[str, Any]:
    """Accuracy, macro F1, calibration error, per-class figures and the confusion matrix.

    Args:
        probabilities: (N, C).
        truth: true class indices, (N,).
        classes: C names.

    Returns:
        Plain values. Macro F1 is the mean over classes that occur in `truth`, so that a class absent from the test set
        does not count as failed.
    """
    predicted = probabilities.argmax(axis=1)
    numbers = np.arange(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=numbers, zero_division=0.0, average=None
    )
    present = support > 0
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_f1": float(f1[present].mean()),
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
        "confusion": confusion_matrix(truth, predicted, labels=numbers).tolist(),
    }
