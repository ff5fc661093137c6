"""The figures at the top of the report, each with its change since the cycle before."""

from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.campaign import Prices
from labelcycle.components.core.state import CycleSummary


@dataclass(frozen=True)
class Headline:
    """One figure: its name, value, change since the cycle before where there is one, and which way it went.

    `direction` is `better`, `worse` or `same`.
    """

    name: str
    value: str
    change: str
    direction: str


def headlines(metrics: dict[str, Any], before: CycleSummary | None, prices: Prices) -> list[Headline]:
    """The cycle's figures; each with its change, and whether that is for the better or the worse.

    Args:
        metrics: the cycle's `metrics.json`.
        before: the trained cycle before; None where this is the first.
        prices: the campaign's.
    """
    spent = None if before is None else metrics["label_cost"] - prices.of_labels(before.answers)
    accuracy, macro_f1, ece = (before.accuracy, before.macro_f1, before.ece) if before else (None, None, None)
    return [
        _headline("Accuracy", metrics["accuracy"], accuracy, higher_is_better=True),
        _headline("Macro F1", metrics["macro_f1"], macro_f1, higher_is_better=True),
        _headline("Calibration error (ECE)", metrics["ece"], ece, higher_is_better=False),
        Headline("Label cost", f"{metrics['label_cost']:,.2f}", "" if spent is None else f"{spent:+,.2f}", "same"),
    ]


def _headline(name: str, now: float, before: float | None, higher_is_better: bool) -> Headline:
    if before is None:
        return Headline(name, f"{now:.1%}", "", "same")
    points = round(100 * (now - before), 1)
    better = points > 0 if higher_is_better else points < 0
    direction = "same" if points == 0 else "better" if better else "worse"
    return Headline(name, f"{now:.1%}", f"{points + 0.0:+.1f} points", direction)
