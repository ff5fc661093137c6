"""Work in blocks: results in order, errors that come through, one thread a product, the same bits on any cores."""

import os
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from labelcycle.components.core.features import blocks
from labelcycle.components.core.features.blocks import blocks_of, cores, for_each_block, one_thread_products


def blas_threads() -> set[int]:
    """Those of numpy's library; faiss and SciPy bring others, for what they compute themselves."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {library["num_threads"] for library in libraries if "/numpy.libs/" in library["filepath"]}


@pytest.fixture(params=[1, 2, 5])
def any_cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(blocks, "cores", lambda: request.param)
    count: int = request.param
    return count


@pytest.mark.parametrize(
    ("rows", "block", "expected"),
    [(0, 3, []), (1, 3, [(0, 1)]), (3, 3, [(0, 3)]), (7, 3, [(0, 3), (3, 6), (6, 7)])],
)
def test_blocks_cover_all_rows(rows: int, block: int, expected: list[tuple[int, int]], any_cores: int) -> None:
    assert [(part.start, part.stop) for part in blocks_of(rows, block)] == expected
    assert for_each_block(rows, lambda part: (part.start, part.stop), block) == expected


def test_results_come_in_the_order_of_rows(any_cores: int) -> None:
    """The first block ends after the second, where two are computed at once."""
    second_done = threading.Event()

    def work(part: slice) -> int:
        if part.start == 0 and any_cores > 1:
            assert second_done.wait(10)
        if part.start == 10:
            second_done.set()
        return int(part.start)

    assert for_each_block(95, work, 10) == list(range(0, 95, 10))


def test_errors_come_through(any_cores: int) -> None:
    def work(part: slice) -> None:
        if part.start == 20:
            raise ValueError("block 20")

    with pytest.raises(ValueError, match="block 20"):
        for_each_block(95, work, 10)


def test_products_inside_use_one_thread(any_cores: int) -> None:
    before = blas_threads()
    assert for_each_block(30, lambda part: blas_threads(), 10) == [{1}] * 3
    assert for_each_block(5, lambda part: blas_threads(), 10) == [{1}]
    with one_thread_products():
        assert blas_threads() == {1}
    assert blas_threads() == before


def test_blocks_within_blocks(any_cores: int) -> None:
    found = for_each_block(30, lambda outer: for_each_block(4, lambda inner: inner.stop + outer.start, 2), 10)
    assert found == [[2, 4], [12, 14], [22, 24]]


def test_matrix_products_have_the_same_bits_on_any_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    left = generator.normal(size=(5000, 150)).astype(np.float32)
    right = generator.normal(size=(150, 70)).astype(np.float32)
    found = []
    for count in (1, 2, 3):
        monkeypatch.setattr(blocks, "cores", lambda count=count: count)
        found.append(np.concatenate(for_each_block(5000, lambda part: left[part] @ right)))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    np.testing.assert_allclose(found[0], left.astype(np.float64) @ right, atol=1e-3)


@pytest.mark.parametrize(
    ("wanted", "expected"), [("", 4), ("1", 1), ("3", 3), ("9", 4), ("0", 4), ("2,1", 4), ("many", 4)]
)
def test_cores_are_those_of_the_process_and_of_omp_num_threads(
    wanted: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 4, 6})
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert cores() == expected
