"""What stands in for test accuracy where there is no test set: a cross-validated estimate, or why there is none."""

from labelcycle.components.core.storage.objects import Record


class AccuracyEstimate(Record):
    """Accuracy of a simple model on labels that it has not seen, cross-validated over the labels to learn from.

    It is no test accuracy: each fold learns from fewer labels than the cycle's model, and labels may be of samples that
    are more alike than the pool. Its interval knows of neither.

    Attributes:
        accuracy: share of the labels that are right.
        low: of the 95 % interval, as of independent draws.
        high: of the same.
        labels: how many it is of.
        folds: parts that all labels were divided into.
        grouped: whether no group was in two folds.
        chosen: whether it is of samples that a strategy chose. These are hard, and unlike each other, so that it is far
            too low; where enough labels are of other samples it is of those alone.
    """

    accuracy: float
    low: float
    high: float
    labels: int
    folds: int
    grouped: bool = False
    chosen: bool = False


class NoEstimate(Record):
    """Why accuracy cannot be estimated yet."""

    reason: str


CROSS_VALIDATED = "cross-validated estimate"
"""What such an accuracy is called wherever people read it."""

TOO_LOW = "far too low, being of samples that a strategy chose"
NOT_MEASURED = "not measured yet"


def accuracy_in_words(
    accuracy: float | None, test_samples: int | None, estimate: AccuracyEstimate | NoEstimate | None
) -> str:
    """A model's accuracy, and what it is if not that on a test set which never changes.

    Args:
        accuracy: on the test set; None where there is nothing to test with.
        test_samples: where the test set can grow, how many samples it has; None elsewhere.
        estimate: what stands in for the accuracy.
    """
    if accuracy is not None:
        return f"accuracy {accuracy:.4f}" + ("" if test_samples is None else f" on {test_samples} test samples")
    if isinstance(estimate, AccuracyEstimate):
        said = f"{CROSS_VALIDATED} {estimate.accuracy:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
        return f"{said}, {TOO_LOW}" if estimate.chosen else said
    return f"accuracy {NOT_MEASURED}" + ("" if estimate is None else f": {estimate.reason}")
