"""Exact nearest neighbours through faiss: on the processor, or on a GPU where the caller asks for one.

Every call computes in the caller's thread alone, because faiss rounds differently with another number of threads;
callers divide their rows into blocks, which are worked on at once. Of equally near points the first is the nearest.

On a GPU the search is faiss's own where the installed build has GPU support. Where it has none, which is so of every
build on PyPI that is for one processor or for another CUDA than torch's, torch computes the products there.

Source: Douze et al., The Faiss library, 2024 (arXiv 2401.08281).
Cost: of every search n·m·d multiply-adds for n queries and m points; memory of the result beside both.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import faiss
import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.matmul import PROCESSOR, chosen_device, matmul

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

INDISTINGUISHABLE = 4e-6
"""Squared distances below this share of the squared norms are rounding errors of float32 products: they count as 0."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, faiss computes in one thread, so that its sums are the same on any machine of a kind."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def most_similar(queries: Floats, points: Floats, count: int = 1) -> tuple[Floats, Rows]:
    """The points of largest inner product with each query, the largest first.

    Args:
        queries: float32 (n, d), finite.
        points: float32 (m, d), finite.
        count: how many, 1 ≤ count ≤ m.

    Returns:
        The inner products, float32 (n, count), and the rows of the points, int64 (n, count).
    """
    return _search(queries, points, count, faiss.METRIC_INNER_PRODUCT)


def nearest(queries: Floats, points: Floats, count: int = 1) -> tuple[Floats, Rows]:
    """The points nearest to each query, the nearest first.

    Args:
        queries: float32 (n, d), finite.
        points: float32 (m, d), finite.
        count: how many, 1 ≤ count ≤ m.

    Returns:
        Squared Euclidean distances, float32 (n, count), exactly 0 where float32 cannot tell points apart, and the rows
        of the points, int64 (n, count).
    """
    squared, rows = _search(queries, points, count, faiss.METRIC_L2)
    scale = squared_norms(queries)[:, None] + squared_norms(points)[rows]
    squared[squared < INDISTINGUISHABLE * scale] = 0
    return squared, rows


def within(queries: Floats, points: Floats, similarity: float) -> tuple[Rows, Rows]:
    """All pairs of a query and a point whose inner product is above a limit.

    Args:
        queries: float32 (n, d), finite.
        points: float32 (m, d), finite.
        similarity: the limit.

    Returns:
        Rows of the queries, ascending, and of the points, both int64 (number of pairs,).
    """
    if chosen_device() != PROCESSOR:
        mine, near = np.nonzero(matmul(queries, points.T) > np.float32(similarity))
        return mine, near
    index = faiss.IndexFlatIP(points.shape[1])
    index.add(np.ascontiguousarray(points))
    with one_thread():
        starts, _, rows = index.range_search(np.ascontiguousarray(queries), similarity)
    return np.repeat(np.arange(len(queries)), starts[1:].astype(np.int64) - starts[:-1].astype(np.int64)), rows


def _search(queries: Floats, points: Floats, count: int, metric: int) -> tuple[Floats, Rows]:
    queries, points = np.ascontiguousarray(queries), np.ascontiguousarray(points)
    if chosen_device() != PROCESSOR and not on_gpu():
        return _search_by_products(queries, points, count, metric)
    with one_thread():
        if not on_gpu():
            found: tuple[Floats, Rows] = faiss.knn(queries, points, count, metric=metric)
            return found
        index = placed(faiss.IndexFlat(points.shape[1], metric))
        index.add(points)
        found = index.search(queries, count)
    return found


def _search_by_products(queries: Floats, points: Floats, count: int, metric: int) -> tuple[Floats, Rows]:
    values = matmul(queries, points.T)
    if metric == faiss.METRIC_L2:
        values *= -2
        values += squared_norms(queries)[:, None] + squared_norms(points)
        values *= -1
    rows = values.argmax(axis=1)[:, None] if count == 1 else np.argsort(-values, axis=1, kind="stable")[:, :count]
    best = np.take_along_axis(values, rows, axis=1)
    return (-best if metric == faiss.METRIC_L2 else best), rows


def on_gpu() -> bool:
    """Whether faiss is to search on a GPU and can."""
    return chosen_device().startswith("cuda") and faiss.get_num_gpus() > 0


def placed(index: faiss.Index) -> faiss.Index:
    """The index where it is to be searched: on the GPU that was chosen, or as it is."""
    if not on_gpu():
        return index
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), int(chosen_device().partition(":")[2] or 0), index)


def squared_norms(vectors: Floats) -> Floats:
    """Squared length of each row, float32 (n,)."""
    norms: Floats = np.einsum("nd,nd->n", vectors, vectors)
    return norms
