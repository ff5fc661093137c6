"""The decision to make features anew, as the report shows it."""

from dataclasses import dataclass
from typing import Any

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
    "updates": "Times that features were made anew so far",
}
"""What each quantity of the record is called, in the order in which they are shown."""


@dataclass(frozen=True)
class Quantity:
    """One row: a name and a value in words."""

    name: str
    value: str


@dataclass(frozen=True)
class AlignmentTable:
    """Whether features were made anew, why, and every quantity behind it."""

    update: bool
    reason: str
    quantities: list[Quantity]


def alignment_table(record: dict[str, Any] | None) -> AlignmentTable | None:
    """The record of an alignment as rows; what the mode does not measure is a dash. None where there is no record."""
    if record is None:
        return None
    rows = [Quantity(title, _in_words(record[name])) for name, title in QUANTITIES.items()]
    for name, value in (record.get("tuning") or {}).items():
        rows.append(Quantity(f"Fine-tuning: {name}", _in_words(value)))
    return AlignmentTable(record["update"], record["reason"], rows)


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
