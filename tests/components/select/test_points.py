"""Points: distances against those written out, of vectors and of gradient embeddings that are built here."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.select.points import (
    Gradients,
    Stacked,
    Vectors,
    squared_distances,
    unit_length,
)

GENERATOR = np.random.default_rng(0)


def test_distances_of_vectors() -> None:
    vectors = GENERATOR.normal(size=(50, 20)).astype(np.float16)
    points = Vectors(vectors)
    found = squared_distances(points.at(slice(0, 30)), points.at(np.arange(10, 50)))
    exact = vectors.astype(np.float64)
    np.testing.assert_allclose(found, cdist(exact[:30], exact[10:], "sqeuclidean"), rtol=1e-5)
    assert found.dtype == np.float32


def test_distances_of_gradient_embeddings_are_those_of_outer_products() -> None:
    left, right = GENERATOR.normal(size=(40, 5)), GENERATOR.normal(size=(40, 12))
    points = Gradients(Vectors(left), Vectors(right))
    embeddings = np.einsum("nc,nd->ncd", left, right).reshape(40, -1)
    found = squared_distances(points.at(slice(0, 25)), points.at(slice(5, 40)))
    np.testing.assert_allclose(found, cdist(embeddings[:25], embeddings[5:], "sqeuclidean"), rtol=1e-4)
    np.testing.assert_allclose(points.at(slice(0, 40)).squared_norms, (embeddings**2).sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_equal_points_are_at_distance_zero(scale: float) -> None:
    vectors = (GENERATOR.normal(size=(30, 384)) * scale).astype(np.float32)
    points = Vectors(np.concatenate([vectors, vectors]))
    found = squared_distances(points.at(slice(0, 60)), points.at(slice(0, 60)))
    rows, columns = np.nonzero(found == 0)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {
        (row, column) for row in range(60) for column in range(60) if (row - column) % 30 == 0
    }
    assert (found >= 0).all()


def test_different_points_are_not_at_distance_zero() -> None:
    vectors = np.zeros((2, 3), np.float32)
    vectors[:, 0] = [1, 1.01]
    block = Vectors(vectors).at(slice(0, 2))
    np.testing.assert_allclose(squared_distances(block, block), [[0, 1e-4], [1e-4, 0]], rtol=0.01)


def test_unit_length_leaves_zeros() -> None:
    vectors = np.array([[3, 4], [0, 0], [0, -2]], np.float32)
    np.testing.assert_allclose(unit_length(vectors), [[0.6, 0.8], [0, 0], [0, -1]])


def test_preparation_does_not_change_the_features() -> None:
    features = np.full((4, 2), 3, np.float32)
    assert np.allclose(Vectors(features, unit_length).read(slice(0, 4)), np.sqrt(0.5))
    assert (features == 3).all()


def test_stacked_points_are_read_across_their_seams() -> None:
    first, second = np.arange(6).reshape(3, 2), np.arange(100, 108).reshape(4, 2)
    stacked = Stacked((Vectors(first.astype(np.float16)), Vectors(second.astype(np.float16))))
    together = np.concatenate([first, second])
    assert (len(stacked), stacked.width) == (7, 2)
    assert stacked.read(slice(1, 6)).tolist() == together[1:6].tolist()
    assert stacked.read(np.array([6, 0, 3])).tolist() == together[[6, 0, 3]].tolist()
    assert stacked.at(slice(0, 7)).squared_norms.tolist() == (together**2).sum(axis=1).tolist()
