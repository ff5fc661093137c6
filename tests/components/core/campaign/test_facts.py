"""Facts of a stage: everything for the campaign's records, what is known for platforms."""

import math
from dataclasses import dataclass
from typing import Any

import pytest

from labelcycle.components.core.campaign.facts import Facts
from tests.platform_values import as_launcher_values


@dataclass(frozen=True)
class Counted(Facts, rows="samples"):
    samples: int
    accuracy: float | None
    weights: dict[str, Any] | None
    losses: list[float]


def test_records_hold_everything() -> None:
    facts = Counted(7, None, {"key": None}, [math.inf])
    assert facts.as_record() == {"samples": 7, "accuracy": None, "weights": {"key": None}, "losses": [math.inf]}
    assert facts.rows == 7


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf, -math.inf])
def test_platforms_are_told_only_what_is_known(unknown: float | None) -> None:
    facts = Counted(7, unknown, {"key": "a", "size": unknown, "deep": [{"x": unknown, "y": 0.0}]}, [0.5, unknown])  # type: ignore[list-item]
    told = {"samples": 7, "weights": {"key": "a", "deep": [{"y": 0.0}]}, "losses": [0.5]}
    assert facts.as_metadata() == told
    assert set(as_launcher_values(facts.as_metadata()).fields) == set(told)


@pytest.mark.parametrize("wrong", [{"a": None}, {"a": [1, None]}, {"a": {"b": None}}])
def test_the_check_refuses_what_the_launcher_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="null_value"):
        as_launcher_values(wrong)
    with pytest.raises(ValueError, match="JSON compliant"):
        as_launcher_values({"a": math.nan})
