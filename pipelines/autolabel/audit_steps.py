"""Which samples are labelled by machine, how many of them people audit, and how many faults these may find.

The steps are nested sets of samples, the first the largest: each has the surest of the one before. All are fixed
before the first answer, and so is the audit of each: the first so many of its samples in one random order. That makes
the audit of a smaller set random too, whatever is known of the larger one, and answers are used again. One step after
the other is judged until one is certified, and each may err with its part of the risk, so that together they keep to
the whole of it: Bonferroni's inequality, which needs no independence.

Source of the idea to certify a share of machine labels by a bound on samples that people have seen: Angelopoulos,
Bates, Candès, Jordan and Lei, Learn then Test, Annals of Applied Statistics 2025; Candès et al., Probably Approximately
Correct Labels, 2025.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.analysis.error_bound import allowed_faults, audit_size, tolerable_error
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage.objects import Record

STEPS = 3
POWER = 0.8
"""The probability with which the first step is certified where confidences are right."""

MOST_FAULTS = 20
"""Faults that an audit whose size is chosen for the user may find at most."""

EASIER, SMALLER = 1 / 3, 0.7
"""Each step expects at most so many times the errors of the one before, and has at most so many times its samples."""


class AuditStep(Record):
    """A set of samples that may be certified.

    Attributes:
        samples: how many, the surest of all.
        expected_error: by their calibrated confidences.
        audited: how many of them people look at.
        allowed: how many faults they may find.
        risk: of a certificate that is wrong.
    """

    samples: int
    expected_error: float
    audited: int
    allowed: int
    risk: float


@dataclass(frozen=True)
class StepsPlanned:
    """The steps, largest first, and the samples of the first, surest first: rows (S,) of what was planned for."""

    steps: list[AuditStep]
    rows: npt.NDArray[np.int64]


def plan_steps(
    confidence: npt.NDArray[np.floating],
    keys: npt.NDArray[np.uint64],
    error: float,
    level: float,
    audit: int | None = None,
    most_steps: int = STEPS,
) -> StepsPlanned:
    """Choose the steps. Fewer than were asked for are left where sets would be hardly larger than their audits.

    Without `audit` its size is the one that leaves people the most labels to save, as far as confidences are right.

    Args:
        confidence: calibrated, of N samples; NaN where there is none, which are never labelled by machine.
        keys: a random order of them, (N,); it breaks ties.
        error: the share of wrong labels that is claimed, at most.
        level: the confidence of the claim, such as 0.95.
        audit: samples that people look at in each step; None to choose.
        most_steps: sets to choose at most.

    Returns:
        No steps where no set is sure enough.

    Raises:
        ConfigurationError: the audit could not prove the claim even without a fault.

    Cost: sorts the samples.
    """
    order = np.lexsort((keys, -confidence))
    order = order[: len(order) - int(np.isnan(confidence).sum())]
    wrong = np.cumsum(1.0 - confidence[order].astype(np.float64)) / np.arange(1, len(order) + 1)
    wrong = np.maximum.accumulate(wrong)
    for number in range(most_steps, 0, -1):
        risk = (1 - level) / number
        if audit is not None:
            _refuse_small(audit, error, risk, number)
        size = audit or _best_audit(wrong, error, risk)
        steps = _sets(wrong, error, risk, size, number)
        if len(steps) == number:
            return StepsPlanned(steps, order[: steps[0].samples])
    return StepsPlanned([], order[:0])


def _refuse_small(audit: int, error: float, risk: float, steps: int) -> None:
    if allowed_faults(audit, error, risk) is None:
        raise ConfigurationError(
            f"An audit of {audit} samples cannot prove an error of at most {error:g}, even if it finds no fault: with "
            f"{steps} steps that takes {audit_size(0, error, risk)} samples. Raise --audit or --error, lower "
            "--confidence, or take fewer --steps."
        )


def _best_audit(wrong: npt.NDArray[np.float64], error: float, risk: float) -> int:
    """The audit after which the most samples have labels that people did not give."""
    sizes = [audit_size(faults, error, risk) for faults in range(MOST_FAULTS + 1)]
    saved = [
        POWER * int(np.searchsorted(wrong, tolerable_error(size, faults, POWER), side="right")) - size
        for faults, size in enumerate(sizes)
    ]
    return sizes[int(np.argmax(saved))]


def _sets(wrong: npt.NDArray[np.float64], error: float, risk: float, audit: int, number: int) -> list[AuditStep]:
    """The steps, as long as a set has more samples than its audit."""
    allowed = allowed_faults(audit, error, risk)
    assert allowed is not None
    expected = min(error, tolerable_error(audit, allowed, POWER))
    steps: list[AuditStep] = []
    for _ in range(number):
        samples = int(np.searchsorted(wrong, expected, side="right"))
        if steps:
            samples = min(samples, int(SMALLER * steps[-1].samples))
        if samples <= audit:
            break
        found = float(wrong[samples - 1])
        steps.append(AuditStep(samples=samples, expected_error=found, audited=audit, allowed=allowed, risk=risk))
        expected *= EASIER
    return steps


def in_steps(planned: StepsPlanned) -> npt.NDArray[np.int8]:
    """For each of the rows, the last step that has it, from 0: (S,)."""
    last = np.zeros(len(planned.rows), np.int8)
    for number, step in enumerate(planned.steps):
        last[: step.samples] = number
    return last


def audit_rows(
    last: npt.NDArray[np.int8], keys: npt.NDArray[np.uint64], step: int, audited: int
) -> npt.NDArray[np.int64]:
    """The rows that people audit in a step: the first so many of its samples in the random order, in that order.

    Args:
        last: the last step that has each sample, (S,).
        keys: the random order, (S,).
        step: its number, from 0.
        audited: how many.
    """
    mine = np.flatnonzero(last >= step)
    return mine[np.argsort(keys[mine], kind="stable")[:audited]]
