"""Labels spread over a graph of neighbours."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.label_spreading import NEIGHBOURS, SHARE, STEPS, NeighbourGraph
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples


def unit(points: np.ndarray) -> np.ndarray:
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)


def spread_densely(points: np.ndarray, rows: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """The textbook form, with P × P matrices in float64: (P, C), rows sum to 1."""
    squared = ((points[:, None].astype(float) - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squared, np.inf)
    graph = np.zeros_like(squared)
    for row, nearest in enumerate(np.argsort(squared, axis=1, kind="stable")[:, :NEIGHBOURS]):
        graph[row, nearest] = np.exp(-2 * squared[row, nearest])
    graph = np.maximum(graph, graph.T)
    root = np.diag(1 / np.sqrt(graph.sum(axis=1)))
    told = np.zeros((len(points), count))
    told[rows, classes] = 1
    walk = SHARE * root @ graph @ root
    step = total = told
    for _ in range(STEPS):
        step = walk @ step
        total = total + step
    masses = total / np.maximum(total.sum(axis=0), 1e-300)
    return np.asarray(masses / masses.sum(axis=1, keepdims=True))


def test_they_are_those_of_the_textbook_form() -> None:
    generator = np.random.default_rng(0)
    points = unit(generator.normal(size=(300, 5)) + 1.5 * np.eye(3, 5)[np.arange(300) % 3])
    rows, classes = np.array([0, 1, 2, 3, 7]), np.array([0, 1, 3, 0, 1])
    among = np.setdiff1d(np.arange(300), rows)
    found = NeighbourGraph(points).pseudo_labels(rows, classes, among)
    expected = spread_densely(points, rows, classes, 4)[found.rows]
    assert np.array_equal(found.rows, among)
    assert np.array_equal(found.classes, expected.argmax(axis=1)) and not (found.classes == 2).any()
    best = np.sort(expected, axis=1)
    assert np.allclose(found.certainty, best[:, -1] - best[:, -2], atol=1e-5)


def test_any_number_of_cores_gives_the_same_bytes() -> None:
    points = unit(np.random.default_rng(0).normal(size=(1500, 32)))
    found = []
    for cores in (1, 2):
        with threadpool_limits(cores):
            labels = NeighbourGraph(points).pseudo_labels(np.arange(5), np.arange(5), np.arange(5, 1500))
            found.append(labels.certainty.tobytes() + labels.classes.tobytes())
    assert found[0] == found[1]


def test_what_no_label_reaches_gets_none() -> None:
    generator = np.random.default_rng(0)
    apart = np.repeat([[1.0, 0, 0], [-1.0, 0, 0]], 30, axis=0)
    points = unit(apart + 0.01 * generator.normal(size=(60, 3)))
    found = NeighbourGraph(points).pseudo_labels(np.array([0]), np.array([1]), np.arange(1, 60))
    assert found.rows.tolist() == list(range(1, 30)) and set(found.classes.tolist()) == {1}


@pytest.mark.parametrize("count", [1, 2, 11, 40])
@pytest.mark.parametrize("points", ["same", "nothing", "apart"])
def test_copies_points_at_the_mean_and_very_few_are_fine(count: int, points: str) -> None:
    generator = np.random.default_rng(0)
    given = {
        "same": np.tile(unit(np.ones((1, 4))), (count, 1)),
        "nothing": np.zeros((count, 4), np.float32),
        "apart": unit(generator.normal(size=(count, 4))),
    }[points]
    found = NeighbourGraph(given).pseudo_labels(np.array([0]), np.array([2]), np.arange(1, count))
    assert set(found.classes.tolist()) <= {2} and np.isfinite(found.certainty).all()


def test_few_labels_are_worth_more_with_the_pool() -> None:
    """Three long clusters with one label each, at an end: neighbours lead from there to the other end."""
    generator = np.random.default_rng(0)
    classes = np.arange(900) % 3
    along = generator.uniform(-0.8, 0.8, size=900)
    angle = along + 2.1 * classes
    features = np.stack([np.cos(angle), np.sin(angle), 0.1 * generator.normal(size=900)], axis=1).astype(np.float16)
    rows = np.array([3 * along[classes == kind].argmax() + kind for kind in range(3)])
    moments = feature_moments([features])
    assert moments is not None
    accuracy = {}
    for settings in (LogisticTrainer(), LogisticTrainer(unlabelled="spread")):
        pool = features[np.setdiff1d(np.arange(900), rows)] if settings.unlabelled == "spread" else None
        head = train_on_samples(LabelledFeatures(features[rows], classes[rows]), None, 3, settings, moments, pool).head
        accuracy[settings.unlabelled] = float((head.logits(features).argmax(axis=1) == classes).mean())
    assert accuracy["spread"] > accuracy["none"] + 0.05, accuracy


def test_more_neighbours_reach_farther() -> None:
    """Two tight groups and one label: ten neighbours stay within its group, and sixty reach the other."""
    generator = np.random.default_rng(5)
    centres = np.repeat(np.eye(2, 6), 40, axis=0)
    points = centres + 0.05 * generator.normal(size=(80, 6))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    reached = [
        len(NeighbourGraph(points, neighbours).pseudo_labels(np.array([0]), np.array([1]), np.arange(1, 80)).rows)
        for neighbours in (10, 60)
    ]
    assert reached == [39, 79]
