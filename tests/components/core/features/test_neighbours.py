"""Neighbours against all pairs of distances, through faiss and through torch."""

from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.core.features import neighbours
from labelcycle.components.core.features.matmul import matmul_on
from labelcycle.components.core.features.neighbours import most_similar, nearest, within

GENERATOR = np.random.default_rng(0)
QUERIES = GENERATOR.normal(size=(300, 24)).astype(np.float32)
POINTS = GENERATOR.normal(size=(500, 24)).astype(np.float32)


@pytest.fixture(params=["numpy", "cpu"])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """`cpu` is torch, as where faiss has no GPU support."""
    with matmul_on(request.param):
        yield request.param


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("queries", [1, 7, 300])
@pytest.mark.parametrize("count", [1, 5, 500])
def test_the_nearest_first(queries: int, count: int) -> None:
    squared, rows = nearest(QUERIES[:queries], POINTS, count)
    distances = cdist(QUERIES[:queries], POINTS, "sqeuclidean")
    assert rows.dtype == np.int64 and squared.dtype == np.float32
    np.testing.assert_allclose(squared, np.sort(distances, axis=1)[:, :count], rtol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(distances, rows, axis=1), squared, rtol=1e-4)
    assert all(len(set(row)) == count for row in rows.tolist())


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("count", [1, 5])
def test_the_most_similar_first(count: int) -> None:
    values, rows = most_similar(QUERIES, POINTS, count)
    products = QUERIES.astype(np.float64) @ POINTS.T
    np.testing.assert_allclose(values, -np.sort(-products, axis=1)[:, :count], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(products, rows, axis=1), values, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("device")
def test_pairs_above_a_similarity() -> None:
    mine, near = within(QUERIES, POINTS, 9.0)
    expected = np.nonzero(QUERIES.astype(np.float64) @ POINTS.T > 9)
    assert sorted(zip(mine.tolist(), near.tolist(), strict=True)) == list(
        zip(*(part.tolist() for part in expected), strict=True)
    )
    assert (np.diff(mine) >= 0).all() and 0 < len(mine) < 10_000
    assert [len(part) for part in within(QUERIES, POINTS, 1e6)] == [0, 0]


@pytest.mark.usefixtures("device")
def test_copies_are_at_no_distance_and_the_first_counts() -> None:
    copies = np.repeat(POINTS[:40] * np.float32(300), 3, axis=0)
    squared, rows = nearest(copies, copies)
    assert (squared == 0).all()
    assert rows[:, 0].tolist() == [3 * (row // 3) for row in range(120)]


@pytest.mark.usefixtures("device")
def test_any_layout_is_taken() -> None:
    expected = nearest(QUERIES, POINTS, 3)[1]
    turned = nearest(np.asfortranarray(QUERIES), POINTS[::-1][::-1], 3)[1]
    assert np.array_equal(expected, turned)


def test_the_caller_s_threads_stay_and_do_not_matter() -> None:
    before = faiss.omp_get_max_threads()
    found: list[tuple[npt.NDArray[Any], ...]] = []
    for threads in (1, 2, 4):
        faiss.omp_set_num_threads(threads)
        found.append(nearest(POINTS, POINTS, 4))
        assert faiss.omp_get_max_threads() == threads
    faiss.omp_set_num_threads(before)
    assert all(np.array_equal(mine, first) for each in found for mine, first in zip(each, found[0], strict=True))


def test_a_gpu_is_searched_where_faiss_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With faiss as it is when built for GPUs; no GPU is needed to see which index is searched."""
    asked: list[int] = []

    def to_gpu(_: object, number: int, index: faiss.Index) -> faiss.Index:
        asked.append(number)
        return index

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 2)
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", to_gpu, raising=False)
    expected = nearest(QUERIES, POINTS, 3)[1]
    assert asked == []
    for device in ("cuda", "cuda:1"):
        monkeypatch.setattr(neighbours, "chosen_device", lambda device=device: device)
        assert np.array_equal(nearest(QUERIES, POINTS, 3)[1], expected)
    assert asked == [0, 1]
