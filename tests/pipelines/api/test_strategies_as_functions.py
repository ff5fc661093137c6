"""Strategies as functions: the picks of `select_batch`, and ids as the user has them."""

from typing import Any

import numpy as np
import pytest

from labelcycle import PrototypeClassifier, strategies
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.select import STRATEGIES, Candidates, select_batch
from labelcycle.components.select.last_layer import with_head

GIVEN_BY_NOBODY = {"losses", "texts", "groups", "mutual_information"}
TRAIN_NETWORKS = {"learnloss", "tavaal"}


@pytest.fixture
def arrays() -> dict[str, Any]:
    """Twenty candidates of width 4 and six labelled samples, in two classes."""
    generator = np.random.default_rng(0)
    probs = generator.dirichlet([1, 1], 20).astype(np.float32)
    return {
        "features": generator.normal(size=(20, 4)).astype(np.float32),
        "probs": probs,
        "labelled_features": generator.normal(size=(6, 4)).astype(np.float32),
        "labelled_classes": np.arange(6) % 2,
    }


@pytest.mark.parametrize("name", sorted({*STRATEGIES} - TRAIN_NETWORKS))
def test_it_picks_what_the_stage_picks(arrays: dict[str, Any], name: str) -> None:
    if STRATEGIES[name].needs & GIVEN_BY_NOBODY:
        arrays["losses"] = np.linspace(0, 1, 20)
    ids = [f"id-{row:02d}" for row in range(20)]
    head = PrototypeClassifier().fit(arrays["labelled_features"], arrays["labelled_classes"]).head
    found = getattr(strategies, name)(5, ids=ids, head=head, seed=1, **arrays)
    pool = with_head(Candidates(ids=np.array(ids), **arrays), head, STRATEGIES[name])
    assert found == select_batch(name, pool, 5, 1).ids.tolist() and len(found) == 5


def test_ids_are_those_of_the_user(arrays: dict[str, Any]) -> None:
    probs = arrays["probs"]
    rows = strategies.margin(3, probs=probs)
    assert rows == np.abs(probs[:, 0] - probs[:, 1]).argsort()[:3].tolist()
    assert strategies.margin(3, probs=probs, ids=range(100, 120)) == [row + 100 for row in rows]
    assert strategies.select("margin", 3, probs=probs) == rows


def test_a_function_says_what_it_needs() -> None:
    said = strategies.uherding.__doc__ or ""
    assert "Needs: features, probs.\nTakes into account: labelled_features.\nParameters: bandwidth=" in said
    assert {"select", *STRATEGIES} == {*dir(strategies)}


def test_bad_input_is_told(arrays: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="'margin' needs probs, which the candidates lack"):
        strategies.margin(3, features=arrays["features"])
    with pytest.raises(ConfigurationError, match="no parameter probabilities"):
        strategies.margin(3, ids=["a"], probabilities=arrays["probs"])
    with pytest.raises(ConfigurationError, match="There is no strategy 'margins'"):
        strategies.select("margins", 3, probs=arrays["probs"])
    head = PrototypeClassifier().fit(arrays["labelled_features"], arrays["labelled_classes"])
    with pytest.raises(InputError, match="got PrototypeClassifier. Give its head"):
        strategies.badge(5, **arrays, head=head)
    with pytest.raises(InputError, match="Without ids there must be an array of the candidates"):
        strategies.random(3)
    with pytest.raises(InputError, match="more than once"):
        strategies.random(1, ids=["a", "a"])
    with pytest.raises(AttributeError, match="There is no strategy 'margins'"):
        strategies.margins  # noqa: B018
