"""TCM: whose picks they are before and after the switch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select import Candidates, select_batch


@pytest.mark.parametrize(
    ("labelled", "parameters", "whose"),
    [
        (0, {}, "typiclust"),
        (19, {}, "typiclust"),
        (20, {}, "margin"),
        (19, {"labels_a_class": 4.75}, "margin"),
        (11, {"labels_a_class": 3}, "typiclust"),
        (12, {"labels_a_class": 3}, "margin"),
        (0, {"labels_a_class": 0}, "margin"),
    ],
)
def test_typiclust_until_there_are_enough_labels_a_class(
    labelled: int, parameters: dict[str, Any], whose: str, complete_pool: Callable[..., Candidates]
) -> None:
    pool = complete_pool(200, classes=4, labelled=labelled)
    selection, expected = (
        select_batch("tcm", pool, 15, 3, **parameters),
        select_batch(whose, pool, 15, 3),
    )
    why = "few labels yet" if whose == "typiclust" else "enough labels"
    assert selection.ids.tolist() == expected.ids.tolist()
    assert selection.scores.tolist() == expected.scores.tolist()
    assert selection.represents.tolist() == expected.represents.tolist()
    assert selection.reasons == [f"{why}: {reason}" for reason in expected.reasons]


def test_without_labels_typiclust(complete_pool: Callable[..., Candidates]) -> None:
    pool = replace(complete_pool(100), labelled_ids=None, labelled_features=None, labelled_classes=None)
    assert select_batch("tcm", pool, 9, 0).ids.tolist() == select_batch("typiclust", pool, 9, 0).ids.tolist()


def test_neighbours_are_those_of_typiclust(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(300, labelled=2)
    scores = [select_batch(name, pool, 4, 0, neighbours=3).scores.tolist() for name in ("tcm", "typiclust")]
    assert scores[0] == scores[1] != select_batch("tcm", pool, 4, 0).scores.tolist()


@pytest.mark.parametrize("parameters", [{"labels_a_class": -1}, {"labels_a_class": np.nan}, {"neighbours": 0}])
def test_what_it_refuses(parameters: dict[str, Any], complete_pool: Callable[..., Candidates]) -> None:
    (name,) = parameters
    with pytest.raises(ConfigurationError, match=f"{name} must be a number of at least"):
        select_batch("tcm", complete_pool(20), 3, 0, **parameters)
