"""Tables of the report: what a cycle changed, the worst classes, and the decision to recompute features."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.campaign.cycle_metrics import ClassMetrics, CycleMetrics
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.campaign.training import AlignmentVerdict

QUANTITIES = {
    "mode": "Mode",
    "threshold": "Threshold",
    "labelled": "Labelled samples",
    "width": "Width of the features",
    "ped_steps": "PED: steps until it converged",
    "ped_within_one_step": "PED: converged within one iteration",
    "ped_changes": "PED: movement in each step",
    "logme": "LogME after PED",
    "previous_logme": "LogME after PED, one cycle before",
    "change": "Change of LogME",
    "relative_change": "Change of LogME, as a share of its size",
    "probe_accuracy": "Validation accuracy of a linear probe",
    "tuned_accuracy": "Validation accuracy of a fine-tuned model",
    "gap": "Gap between the two",
    "updates": "Times that features were recomputed so far",
}
"""What each quantity of the verdict is called, in the order in which they are shown."""


@dataclass(frozen=True)
class Quantity:
    """One row: a name and a value in words."""

    name: str
    value: str


@dataclass(frozen=True)
class AlignmentTable:
    """What was decided, why, and every quantity behind it."""

    outcome: str
    reason: str
    quantities: list[Quantity]


def alignment_table(verdict: AlignmentVerdict | None, of_features: bool = True) -> AlignmentTable | None:
    """The verdict of an alignment as rows; what the mode does not measure is a dash. None where there is no verdict.

    Args:
        verdict: the cycle's.
        of_features: whether it is about features, or about the training of the final model alone.
    """
    if verdict is None:
        return None
    rows = [Quantity(title, _in_words(getattr(verdict, name))) for name, title in QUANTITIES.items()]
    if verdict.logme_unreliable:
        rows.append(Quantity("LogME is unreliable", "no more labels than the features are wide"))
    for name, value in verdict.tuning or ():
        rows.append(Quantity(f"Fine-tuning: {name}", _in_words(value)))
    decided = "Features were recomputed" if of_features else "The final model is trained by final.aligned from here on"
    return AlignmentTable(decided if verdict.update else "Features stay as they are", verdict.reason, rows)


def _in_words(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    return str(value)


LISTED_MISTAKES = 10


def worst_first(classes: list[ClassMetrics]) -> list[ClassMetrics]:
    """Classes by rising F1, then name; those that the test set lacks come last."""
    return sorted(classes, key=lambda figures: (figures.support == 0, figures.f1, figures.name))


@dataclass(frozen=True)
class Mistake:
    """One class taken for another: how often, and the share of the true class's test samples."""

    true: str
    predicted: str
    count: int
    share: float


def mistakes(confusion: list[list[int]], classes: list[str]) -> list[Mistake]:
    """The most frequent mistakes, most frequent first."""
    found = [
        (-count, row, column)
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return [
        Mistake(classes[row], classes[column], -count, -count / sum(confusion[row]))
        for count, row, column in sorted(found)[:LISTED_MISTAKES]
    ]


MOST_MOVED = 3
LEAST_MOVE = 0.01
"""A class whose F1 moved by less has not moved."""


@dataclass(frozen=True)
class Move:
    """A class, its F1 before and now."""

    name: str
    before: float
    now: float

    @property
    def points(self) -> float:
        """The change in hundredths."""
        return 100 * (self.now - self.before)


@dataclass(frozen=True)
class Changes:
    """Since the trained cycle before.

    Attributes:
        answers: that came.
        labels: how many of them can be used.
        known: of the query, those that the model had right; None where no model had asked.
        unknown: those that it had wrong.
        gained: classes whose F1 rose most, best first.
        lost: those whose F1 fell most, worst first.
    """

    answers: int
    labels: int
    known: int | None
    unknown: int | None
    gained: list[Move]
    lost: list[Move]

    @property
    def ratio(self) -> str:
        """Unknown to known, as `24:16 = 1.50`; a dash where nothing was predicted."""
        return ratio(self.unknown, self.known)


def changes(
    metrics: CycleMetrics,
    before: CycleSummary | None,
    previous: CycleMetrics | None,
    class_of: Callable[[str], str] = str,
) -> Changes:
    """Compare with the cycle before.

    Args:
        metrics: the cycle's.
        before: the summary of the trained cycle before; None where this is the first.
        previous: its metrics; None where it is not known.
        class_of: what a class of the cycle before is now.
    """
    query = metrics.previous_query
    moves = _moves(metrics.classes, [] if previous is None else previous.classes, class_of)
    return Changes(
        answers=metrics.answers - (before.answers if before else 0),
        labels=metrics.labels - (before.labels if before else 0),
        known=query.known if query else None,
        unknown=query.unknown if query else None,
        gained=[move for move in reversed(moves) if move.now - move.before >= LEAST_MOVE][:MOST_MOVED],
        lost=[move for move in moves if move.before - move.now >= LEAST_MOVE][:MOST_MOVED],
    )


def ratio(unknown: int | None, known: int | None) -> str:
    """Unknown to known of a query, as `24:16 = 1.50`; a dash where nothing was predicted."""
    if unknown is None or known is None or unknown + known == 0:
        return "–"
    return f"{unknown}:{known}" + (f" = {unknown / known:.2f}" if known else "")


def _moves(now: list[ClassMetrics], before: list[ClassMetrics], class_of: Callable[[str], str]) -> list[Move]:
    """Classes that the test set has, by their change, the largest loss first; without those that were merged."""
    parts = Counter(class_of(figures.name) for figures in before)
    alone = [figures for figures in before if figures.support and parts[class_of(figures.name)] == 1]
    earlier = {class_of(figures.name): figures.f1 for figures in alone}
    moves = [
        Move(figures.name, earlier[figures.name], figures.f1)
        for figures in now
        if figures.support and figures.name in earlier
    ]
    return sorted(moves, key=lambda move: (move.now - move.before, move.name))
