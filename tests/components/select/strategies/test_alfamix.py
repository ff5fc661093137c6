"""ALFA-Mix against the printed formula, with mixed features in memory and torch's gradients."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.uncertainty import margin
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.strategies.alfamix import class_means, distances_to_farthest, steps_to_flip


def in_single_precision(pool: Candidates) -> Candidates:
    assert pool.features is not None
    noise = np.random.default_rng(5).normal(0, 1e-2, pool.features.shape)
    return replace(pool, features=(pool.features + noise).astype(np.float32))


def flips_of_the_formula(pool: Candidates, epsilon: float) -> np.ndarray:
    """Whether α = ε‖z* - z‖/‖g‖ · g/(z* - z) mixed into z flips the prediction, for any class's anchor z*.

    The formula divides by 0 where a coordinate of sample and anchor agree, as they may in half precision.
    """
    assert pool.features is not None and pool.head is not None
    assert pool.labelled_features is not None and pool.labelled_classes is not None
    module = torch.nn.BatchNorm1d(pool.features.shape[1])
    linear = torch.nn.Linear(pool.features.shape[1], len(pool.head.bias))
    with torch.no_grad():
        for ours, theirs in (
            (pool.head.running_mean, module.running_mean),
            (pool.head.running_var, module.running_var),
            (pool.head.scale, module.weight),
            (pool.head.shift, module.bias),
            (pool.head.weight, linear.weight),
            (pool.head.bias, linear.bias),
        ):
            assert theirs is not None
            theirs.copy_(torch.from_numpy(ours))
    network = torch.nn.Sequential(module, linear).double().eval()
    z = torch.from_numpy(pool.features.astype(np.float64)).requires_grad_()
    logits = network(z)
    predicted = logits.argmax(dim=1)
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, predicted, reduction="sum"), z)
    labelled = torch.from_numpy(pool.labelled_features.astype(np.float64))
    classes = torch.from_numpy(pool.labelled_classes)
    flips = torch.zeros(len(z), dtype=torch.bool)
    for number in classes.unique():
        anchor = labelled[classes == number].mean(dim=0)
        way = anchor - z
        alpha = epsilon * way.norm(dim=1, keepdim=True) / gradient.norm(dim=1, keepdim=True) * gradient / way
        assert torch.isfinite(alpha).all()
        mixed = alpha * anchor + (1 - alpha) * z
        flips |= network(mixed).argmax(dim=1) != predicted
    return flips.numpy()


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("epsilon", [0.05, 0.2, 1.0])
def test_candidates_are_those_of_the_printed_formula(
    classes: int, epsilon: float, complete_pool: Callable[..., Candidates]
) -> None:
    pool = in_single_precision(complete_pool(3000, classes, seed=classes, labelled=30, width=9))
    expected = flips_of_the_formula(pool, epsilon / 3)
    assert 10 < expected.sum() < 2990
    selection = select_batch("alfamix", pool, int(expected.sum()), 0, epsilon=epsilon)
    assert sorted(selection.ids) == sorted(pool.ids[expected])
    assert (selection.scores > 0).all()
    assert all(reason.startswith("prediction flips; margin") for reason in selection.reasons)


def test_the_critical_step_is_where_the_prediction_flips(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(200, 5, width=6)
    assert pool.features is not None and pool.head is not None
    needed, margins = steps_to_flip(pool.features, pool.head)
    probabilities = pool.head.probabilities(pool.features)
    np.testing.assert_allclose(margins, margin(probabilities), atol=1e-5)
    predicted = probabilities.argmax(axis=1)
    factor = pool.head.weight * pool.head.scale / np.sqrt(pool.head.running_var + 1e-5)
    gradient = (probabilities - np.eye(5)[predicted]) @ factor
    direction = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    reached = np.isfinite(needed)
    assert reached.sum() > 100
    for share, same in ((0.98, True), (1.02, False)):
        moved = pool.features + share * np.where(reached, needed, 0)[:, None] * direction
        assert ((pool.head.logits(moved).argmax(axis=1) == predicted) == same)[reached].all()


@pytest.mark.parametrize("shared", [0, 100])
def test_single_precision_is_enough_whatever_the_classes_share(shared: float) -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(500, 40)).astype(np.float32)
    zero, one = np.zeros(40, np.float32), np.ones(40, np.float32)
    weight = (generator.normal(size=(60, 40)) + shared * np.eye(40)[0]).astype(np.float32)
    head = LinearHead(zero, one, one, zero, weight, np.zeros(60, np.float32))
    needed, _ = steps_to_flip(features, head)
    exact = weight.astype(np.float64) / np.sqrt(1 + 1e-5)
    logits = head.logits(features).astype(np.float64)
    predicted = logits.argmax(axis=1)
    behind = logits.max(axis=1, keepdims=True) - logits
    gradient = torch.softmax(torch.from_numpy(logits), dim=1).numpy()
    gradient[np.arange(500), predicted] = 0
    gradient[np.arange(500), predicted] = -gradient.sum(axis=1)
    gradient /= np.linalg.norm(gradient @ exact, axis=1, keepdims=True)
    gained = (gradient @ exact) @ exact.T
    gained -= gained[np.arange(500), predicted][:, None]
    steps = np.where(gained > 1e-9, behind / np.where(gained > 1e-9, gained, 1), np.inf).min(axis=1)
    np.testing.assert_allclose(needed, steps, rtol=1e-4)


def test_the_step_is_exact_where_the_head_is_certain() -> None:
    one, zero = np.ones(2, np.float32), np.zeros(2, np.float32)
    head = LinearHead(zero, one - np.float32(1e-5), one, zero, np.diag([1, -1]).astype(np.float32), zero)
    needed, margins = steps_to_flip(np.array([[400.0, -300.0], [4.0, -2.0]]), head)
    np.testing.assert_allclose(needed, [50 * np.sqrt(2), np.sqrt(2)], rtol=1e-5)
    assert margins[0] == 1


def test_more_flips_than_budget_are_clustered(complete_pool: Callable[..., Candidates]) -> None:
    pool = in_single_precision(complete_pool(2000, 4, labelled=30, width=8))
    flips = flips_of_the_formula(pool, 1 / np.sqrt(8))
    assert flips.sum() > 200
    selection = select_batch("alfamix", pool, 20, 0, epsilon=1.0)
    assert set(selection.ids) <= set(pool.ids[flips])
    assert selection.represents.sum() == flips.sum()
    assert sorted(set(selection.clusters)) == list(range(20))
    assert all(reason.startswith("prediction flips; nearest to the centre") for reason in selection.reasons)
    other = select_batch("alfamix", pool, 20, 1, epsilon=1.0)
    assert set(other.ids) != set(selection.ids)


def test_fewer_flips_than_budget_are_filled_with_the_smallest_margins(complete_pool: Callable[..., Candidates]) -> None:
    pool = in_single_precision(complete_pool(500, 4, labelled=30, width=8))
    assert pool.head is not None and pool.features is not None
    flips = flips_of_the_formula(pool, 0.3 / np.sqrt(8))
    count = int(flips.sum())
    assert 3 < count < 400
    selection = select_batch("alfamix", pool, count + 50, 0, epsilon=0.3)
    assert sorted(selection.ids[:count]) == sorted(pool.ids[flips])
    margins = margin(pool.head.probabilities(pool.features))
    rest = np.flatnonzero(~flips)
    assert selection.ids[count:].tolist() == pool.ids[rest[np.argsort(margins[rest])[:50]]].tolist()
    assert (selection.scores[count:] <= 0).all() and (selection.scores >= -1).all()
    assert selection.reasons[-1].startswith("no flip; margin 0.")


def test_anchors_are_the_means_of_classes_that_occur() -> None:
    features = np.array([[1, 2], [3, 4], [10, 10]], np.float16)
    assert class_means(features, np.array([4, 4, 0])).tolist() == [[10, 10], [2, 3]]
    assert class_means(features[:0], np.zeros(0, int)).shape == (0, 2)


def test_distance_to_the_farthest_anchor() -> None:
    features = np.random.default_rng(0).normal(size=(5000, 3))
    anchors = features[:4].astype(np.float32)
    expected = np.linalg.norm(features[:, None] - anchors, axis=2).max(axis=1)
    np.testing.assert_allclose(distances_to_farthest(features, anchors), expected, atol=1e-5)
    assert distances_to_farthest(features, anchors[:0]).tolist() == [0] * 5000


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_degenerate_pools(classes: int, weight: float, complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(9, classes, labelled=1)
    assert pool.head is not None and pool.features is not None
    head = replace(pool.head, weight=np.full((classes, 3), weight, np.float32))
    for features in (pool.features, np.zeros((9, 3)), np.ones((9, 3), np.float16)):
        for budget in (1, 5, 9):
            selection = select_batch("alfamix", replace(pool, head=head, features=features), budget, 0)
            assert len(set(selection.ids)) == budget
            assert (selection.scores == -1).all() or classes > 1


def test_without_labelled_samples_margins_decide(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(50, labelled=0)
    selection = select_batch("alfamix", pool, 5, 0)
    assert selection.ids.tolist() == select_batch("margin", replace(pool, probs=None), 5, 0).ids.tolist()


@pytest.mark.parametrize("epsilon", [0, -0.2, float("nan")])
def test_epsilon_out_of_range(epsilon: Any, complete_pool: Callable[..., Candidates]) -> None:
    with pytest.raises(ConfigurationError, match="epsilon must be a number above 0; got"):
        select_batch("alfamix", complete_pool(9), 3, 0, epsilon=epsilon)
