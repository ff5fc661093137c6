"""Principal directions against a singular value decomposition."""

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.select.points import Stacked, Vectors, unit_length
from labelcycle.components.select.principal_directions import along, principal_directions

GENERATOR = np.random.default_rng(0)
VECTORS = (GENERATOR.normal(size=(800, 30)) * np.geomspace(10, 0.1, 30) + 5).astype(np.float32)


def subspace(directions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The projection onto the directions, which does not depend on their signs."""
    exact = directions.astype(np.float64)
    result: npt.NDArray[np.float64] = exact @ exact.T
    return result


@pytest.mark.parametrize("width", [1, 4, 30])
def test_the_directions_of_largest_variance(width: int) -> None:
    found = principal_directions(Vectors(VECTORS), width, 0)
    assert found.shape == (30, width) and found.dtype == np.float32
    np.testing.assert_allclose(found.T @ found, np.eye(width), atol=1e-5)
    exact = VECTORS.astype(np.float64)
    _, _, expected = np.linalg.svd(exact - exact.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(subspace(found), subspace(expected[:width].T), atol=1e-4)


def test_few_points_of_many_coordinates_take_no_square_of_these() -> None:
    """The same directions as by a singular value decomposition, in memory of a few copies of the points."""
    wide = (GENERATOR.normal(size=(60, 3000)) * np.geomspace(10, 0.1, 60)[:, None] + 5).astype(np.float32)
    tracemalloc.start()
    found = principal_directions(Vectors(wide), 20, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * wide.nbytes, "3000 x 3000 numbers of 4 bytes are 50 times the points"
    exact = wide.astype(np.float64)
    _, _, expected = np.linalg.svd(exact - exact.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(found.T @ found, np.eye(20), atol=1e-5)
    np.testing.assert_allclose(subspace(found), subspace(expected[:20].T), atol=1e-4)


@pytest.mark.parametrize("distinct", [1, 2, 5])
def test_points_that_span_less_than_is_asked_for(distinct: int) -> None:
    wide = GENERATOR.normal(size=(distinct, 2500)).astype(np.float32)[np.arange(40) % distinct]
    found = principal_directions(Vectors(wide), 20, 0)
    assert found.shape[0] == 2500 and 1 <= found.shape[1] <= max(1, distinct) and np.isfinite(found).all()
    centred = wide - wide.mean(axis=0)
    np.testing.assert_allclose((centred @ found) @ found.T, centred, atol=1e-3)


def test_all_directions_keep_distances() -> None:
    points = Vectors(VECTORS, unit_length)
    coordinates = along(points, principal_directions(points, 30, 0))
    before, after = points.read(slice(None)), coordinates
    np.testing.assert_allclose(
        np.linalg.norm(before[:100] - before[100:200], axis=1),
        np.linalg.norm(after[:100] - after[100:200], axis=1),
        rtol=1e-4,
        atol=1e-6,
    )


def test_coordinates_of_many_blocks() -> None:
    vectors = GENERATOR.normal(size=(5000, 8)).astype(np.float16)
    directions = principal_directions(Vectors(vectors), 3, 0)
    np.testing.assert_allclose(along(Vectors(vectors), directions), vectors.astype("f4") @ directions, atol=1e-5)


def test_large_pools_are_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = Vectors(GENERATOR.normal(size=(5000, 8)).astype(np.float32))
    seen: list[int] = []
    original = Vectors.read

    def watched(points: Vectors, rows: object) -> npt.NDArray[np.float32]:
        result = original(points, rows)  # type: ignore[arg-type]
        seen.append(len(result))
        return result

    monkeypatch.setattr(Vectors, "read", watched)
    first, again, other = (principal_directions(vectors, 2, seed) for seed in (0, 0, 1))
    assert seen == [4096] * 3
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_matrices_after_one_another_and_single_points() -> None:
    stacked = Stacked((Vectors(VECTORS[:300]), Vectors(VECTORS[300:])))
    np.testing.assert_allclose(
        subspace(principal_directions(stacked, 3, 0)),
        subspace(principal_directions(Vectors(VECTORS), 3, 0)),
        atol=1e-4,
    )
    single = principal_directions(Vectors(VECTORS[:1]), 2, 0)
    np.testing.assert_allclose(single.T @ single, np.eye(2), atol=1e-6)
    assert principal_directions(Vectors(VECTORS[:, :1]), 1, 0).shape == (1, 1)
