"""Test metrics of one cycle: accuracy and F1, calibration, and how many samples of a query the model had wrong.

Written in numpy because importing scikit-learn would cost every cycle a second; the tests compare with scikit-learn.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.campaign.cycle_metrics import ClassificationMetrics, ClassMetrics, ReliabilityBin
from labelcycle.components.core.campaign.summary import KnownUnknown

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


def reliability(confidence: npt.NDArray[np.floating], correct: npt.NDArray[np.bool_]) -> list[ReliabilityBin]:
    """The bins that the calibration error is made of, those without samples left out.

    Args:
        confidence: probability of the predicted class, (N,).
        correct: whether the prediction was right, (N,).

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2.
    """
    counts, confidence_sums, correct_sums = _binned(confidence, correct)
    return [
        ReliabilityBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            count=int(counts[number]),
            confidence=float(confidence_sums[number] / counts[number]),
            accuracy=float(correct_sums[number] / counts[number]),
        )
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


def classification_metrics(
    probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.int64], classes: list[str]
) -> ClassificationMetrics:
    """Accuracy, macro F1, calibration error, per-class figures and the confusion matrix.

    Args:
        probabilities: (N, C).
        truth: true class indices, (N,), N ≥ 1.
        classes: C names.

    Returns:
        The figures; a precision or recall without any case counts as 0. Macro F1 is the mean over classes that occur
        in `truth`, so that a class absent from the test set does not count as failed.
    """
    predicted = probabilities.argmax(axis=1)
    count = len(classes)
    confusion = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    ece = expected_calibration_error(probabilities.max(axis=1), predicted == truth)
    return metrics_of_confusion(confusion, classes, ece)


def metrics_of_confusion(
    confusion: npt.NDArray[np.int64], classes: list[str], ece: float | None = None
) -> ClassificationMetrics:
    """The figures that a confusion matrix tells, as `classification_metrics`.

    Args:
        confusion: (C, C), rows are true classes; not all 0.
        classes: C names.
        ece: the calibration error, which it does not tell.
    """
    right, support, claimed = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision = right / np.maximum(claimed, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(support + claimed, 1)
    return ClassificationMetrics(
        accuracy=float(right.sum() / support.sum()),
        macro_f1=float(f1[support > 0].mean()),
        ece=ece,
        test_samples=int(support.sum()),
        classes=[
            ClassMetrics(
                name=name,
                precision=float(precision[number]),
                recall=float(recall[number]),
                f1=float(f1[number]),
                support=int(support[number]),
            )
            for number, name in enumerate(classes)
        ],
        confusion=confusion.tolist(),
    )


def known_unknown(query: pa.Table, labelled: dict[str, str], class_of: Callable[[str], str] = str) -> KnownUnknown:
    """Count the picks that the model got wrong (unknown) and right (known), and their ratio, higher is better.

    Args:
        query: the committed query, with the class that the model predicted when it asked.
        labelled: the class that people gave, by id.
        class_of: what a class that the model predicted is called now.

    Source: PEAL, figure 1.
    """
    rows = zip(query["sample_id"].to_pylist(), query["predicted"].to_pylist(), strict=True)
    judged = [
        class_of(predicted) == labelled[name] for name, predicted in rows if predicted is not None and name in labelled
    ]
    known, unknown = sum(judged), len(judged) - sum(judged)
    return KnownUnknown(known=known, unknown=unknown, known_unknown_ratio=unknown / known if known else None)
