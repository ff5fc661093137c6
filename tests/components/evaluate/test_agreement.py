"""Krippendorff's alpha, against the example of its author and the ends of its scale."""

import pytest

from labelcycle.components.evaluate.annotators import krippendorff_alpha

OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "1233244125 1.".replace(" ", ""))
"""Krippendorff 2011, section C: twelve units, four observers, a dot where one did not answer."""


def test_the_published_example() -> None:
    units = [[value for value in unit if value != "."] for unit in zip(*OBSERVERS, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_full_agreement_is_one() -> None:
    assert krippendorff_alpha([["a", "a"], ["b", "b", "b"]]) == 1


def test_people_who_always_differ_are_worse_than_chance() -> None:
    found = krippendorff_alpha([["a", "b"], ["b", "a"]])
    assert found == pytest.approx(-0.5)


@pytest.mark.parametrize("units", [[], [["a"], ["b"]], [["a", "a"], ["a", "a"]]])
def test_where_nothing_can_be_said_it_is_none(units: list[list[str]]) -> None:
    assert krippendorff_alpha(units) is None
