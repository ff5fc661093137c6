"""What a cycle changed: the answers that came, what they were worth, and the classes that moved most."""

from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.state import CycleSummary

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


def changes(metrics: dict[str, Any], before: CycleSummary | None, previous: dict[str, Any] | None) -> Changes:
    """Compare with the cycle before.

    Args:
        metrics: the cycle's `metrics.json`.
        before: the summary of the trained cycle before; None where this is the first.
        previous: its `metrics.json`; None where it is not known.
    """
    query = metrics["previous_query"] or {}
    moves = _moves(metrics["classes"], [] if previous is None else previous["classes"])
    return Changes(
        answers=metrics["answers"] - (before.answers if before else 0),
        labels=metrics["labels"] - (before.labels if before else 0),
        known=query.get("known"),
        unknown=query.get("unknown"),
        gained=[move for move in reversed(moves) if move.now - move.before >= LEAST_MOVE][:MOST_MOVED],
        lost=[move for move in moves if move.before - move.now >= LEAST_MOVE][:MOST_MOVED],
    )


def ratio(unknown: int | None, known: int | None) -> str:
    """Unknown to known of a query, as `24:16 = 1.50`; a dash where nothing was predicted."""
    if unknown is None or known is None or unknown + known == 0:
        return "–"
    return f"{unknown}:{known}" + (f" = {unknown / known:.2f}" if known else "")


def _moves(now: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[Move]:
    """Classes that the test set has, by their change, the largest loss first."""
    earlier = {figures["name"]: figures["f1"] for figures in before if figures["support"]}
    moves = [
        Move(figures["name"], earlier[figures["name"]], figures["f1"])
        for figures in now
        if figures["support"] and figures["name"] in earlier
    ]
    return sorted(moves, key=lambda move: (move.now - move.before, move.name))
