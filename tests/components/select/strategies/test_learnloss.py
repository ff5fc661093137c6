"""LearnLoss: it asks where samples like those that the head gets wrong are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.select import Candidates, select_batch


def half_wrong() -> Candidates:
    """The head looks at the first coordinate alone; labels follow it only where the second is below 0."""
    generator = np.random.default_rng(0)
    labelled = generator.normal(size=(300, 4))
    truth = np.where(labelled[:, 1] < 0, labelled[:, 0] > 0, labelled[:, 0] < 0).astype(int)
    weight = np.zeros((2, 4), np.float32)
    weight[:, 0] = [-3, 3]
    return Candidates(
        ids=np.array([f"{number:04}" for number in range(1000)]),
        features=generator.normal(size=(1000, 4)).astype(np.float16),
        labelled_features=labelled.astype(np.float16),
        labelled_classes=truth,
        head=LinearHead(
            *(np.full(4, value, np.float32) for value in (0, 1, 1, 0)), weight=weight, bias=np.zeros(2, np.float32)
        ),
    )


def test_it_asks_where_the_head_is_wrong() -> None:
    pool = half_wrong()
    assert pool.features is not None
    selection = select_batch("learnloss", pool, 100, 0)
    assert (pool.features[selection.ids.astype(int), 1] > 0).mean() > 0.95
    assert (np.diff(selection.scores) <= 0).all()
    assert selection.reasons[4] == "predicted loss ranks 5 of 1000"


def test_the_same_seed_and_cycle_give_the_same_picks_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = half_wrong()
    first = select_batch("learnloss", pool, 20, 3, epochs=2)
    monkeypatch.setattr("labelcycle.components.core.features.blocks.cores", lambda: 3)
    assert select_batch("learnloss", pool, 20, 3, epochs=2).scores.tolist() == first.scores.tolist()
    for other in (
        select_batch("learnloss", pool, 20, 4, epochs=2),
        select_batch("learnloss", replace(pool, cycle=1), 20, 3, epochs=2),
    ):
        assert other.ids.tolist() != first.ids.tolist()


@pytest.mark.parametrize("labelled", [0, 1, 2])
def test_hardly_any_labels(labelled: int, complete_pool: Callable[..., Candidates]) -> None:
    selection = select_batch("learnloss", complete_pool(30, labelled=labelled), 30, 0, epochs=2)
    assert len(set(selection.ids)) == 30
    if labelled < 2:
        assert set(selection.reasons) == {"all labelled samples have the same loss"}
        assert selection.ids.tolist() != sorted(selection.ids)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": 0}, "epochs must be a number of at least 1; got 0"),
        ({"hidden": 0}, "hidden must be a number of at least 1; got 0"),
        ({"margin": 0.0}, "margin must be a number above 0"),
        ({"learning_rate": -1.0}, "learning_rate must be a number above 0"),
    ],
)
def test_parameters_out_of_range(
    parameters: dict[str, Any], message: str, complete_pool: Callable[..., Candidates]
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        select_batch("learnloss", complete_pool(10), 3, 0, **parameters)
