"""TA-VAAL: it asks for what does not look like the labelled samples."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.loss_prediction import DenseLayers, LossPredictor, standardisation_of
from labelcycle.components.select.strategies.tavaal import condition

FEW = {"epochs": 2, "hidden": 8, "latent": 3}


@pytest.fixture
def half_seen(complete_pool: Callable[..., Candidates]) -> Candidates:
    """Labelled samples and the first half of the pool lie around one point, the second half around another."""
    pool = complete_pool(600, width=6, labelled=100)
    assert pool.features is not None and pool.labelled_features is not None
    features = pool.features / 4 + np.where(np.arange(600) < 300, 1, -1)[:, None]
    ids = np.array([f"{number:03}" for number in range(600)])
    return replace(pool, ids=ids, features=features, labelled_features=pool.labelled_features / 4 + 1)


def test_it_asks_for_what_is_unlike_the_labelled(half_seen: Candidates) -> None:
    selection = select_batch("tavaal", half_seen, 100, 0, learning_rate=2e-3)
    assert (selection.ids.astype(int) >= 300).mean() > 0.9
    assert (np.diff(selection.scores) <= 0).all()
    assert selection.scores[0] > 0
    assert selection.reasons[0].startswith("unlabelled with probability 0.")


def test_seed_and_cycle_decide_and_torch_is_left_as_it_was(
    half_seen: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first = select_batch("tavaal", half_seen, 20, 3, **FEW)
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    torch.rand(1)
    monkeypatch.setattr("labelcycle.components.core.features.blocks.cores", lambda: 3)
    assert select_batch("tavaal", half_seen, 20, 3, **FEW).scores.tolist() == first.scores.tolist()
    for pool, seed in ((half_seen, 4), (replace(half_seen, cycle=1), 3)):
        assert select_batch("tavaal", pool, 20, seed, **FEW).ids.tolist() != first.ids.tolist()


def test_steps_are_epochs_of_batches_but_no_more_than_allowed(
    half_seen: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = select_batch.__globals__["STRATEGIES"]["tavaal"].choose.__globals__["train_novelty"]

    def count(*arguments: Any) -> Any:
        asked.append(arguments[4])
        return real(*arguments[:4], 1, *arguments[5:])

    monkeypatch.setitem(select_batch.__globals__["STRATEGIES"]["tavaal"].choose.__globals__, "train_novelty", count)
    select_batch("tavaal", half_seen, 5, 0, epochs=7)
    assert half_seen.labelled_features is not None and half_seen.labelled_classes is not None
    doubled = replace(
        half_seen,
        labelled_ids=None,
        labelled_features=np.tile(half_seen.labelled_features, (2, 1)),
        labelled_classes=np.tile(half_seen.labelled_classes, 2),
    )
    select_batch("tavaal", doubled, 5, 0, epochs=7)
    select_batch("tavaal", doubled, 5, 0, epochs=7, steps=3)
    assert asked == [7, 14, 3]


def test_the_condition_is_the_sigmoid_of_the_predicted_loss() -> None:
    features = np.array([[-9.0], [-1.0], [0.0], [1.0], [9.0]])
    plain = LossPredictor(
        standardisation_of(features[:0]), DenseLayers((np.ones((1, 1), np.float32),), (np.zeros(1, np.float32),))
    )
    np.testing.assert_allclose(condition(plain, features), 1 / (1 + np.exp(-features[:, 0])), atol=1e-6)


@pytest.mark.parametrize("labelled", [0, 1])
@pytest.mark.parametrize("size", [1, 9])
def test_hardly_any_samples(labelled: int, size: int, complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(size, labelled=labelled)
    for features in (pool.features, np.zeros((size, 3), np.float16)):
        selection = select_batch("tavaal", replace(pool, features=features), size, 0, **FEW)
        assert len(set(selection.ids)) == size
        assert np.isfinite(selection.scores).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        *(
            ({name: 0}, f"{name} must be a number of at least 1; got 0")
            for name in ("epochs", "steps", "hidden", "latent")
        ),
        ({"balance": -0.1}, "balance must be a number of at least 0"),
        ({"adversary": float("inf")}, "adversary must be a number of at least 0; got inf"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
    ],
)
def test_parameters_out_of_range(
    parameters: dict[str, Any], message: str, complete_pool: Callable[..., Candidates]
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        select_batch("tavaal", complete_pool(10), 3, 0, **parameters)
