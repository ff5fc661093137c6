"""Lazy gains against computing all of them for every pick, how many are computed, and memory."""

import tracemalloc

import numpy as np
import pytest

from labelcycle.components.select.kernel_coverage import GaussianKernel, Rows, cover
from labelcycle.components.select.points import Floats, Vectors, unit_length

GENERATOR = np.random.default_rng(0)
POINTS = Vectors(unit_length(GENERATOR.normal(size=(1200, 20)).astype(np.float32)))
LABELLED = Vectors(POINTS.features[:40])
TIES = np.arange(1200, dtype=np.uint64)


def test_kernel_values() -> None:
    kernel = GaussianKernel(POINTS, LABELLED, 0.7)
    squared = ((POINTS.features[:5, None] - LABELLED.features) ** 2).sum(axis=2)
    np.testing.assert_allclose(kernel.rows(np.arange(5)), np.exp(-squared / (2 * 0.7**2)), rtol=1e-4)
    np.testing.assert_allclose(kernel.coverage_by(LABELLED)[:40], 1)
    assert (kernel.coverage_by(Vectors(LABELLED.features[:0])) == 0).all()


@pytest.mark.parametrize("kept", [True, False])
def test_few_gains_are_computed_again(kept: bool) -> None:
    asked: list[int] = []

    class Counted(GaussianKernel):
        def rows(self, rows: Rows) -> Floats:
            asked.append(len(rows))
            return super().rows(rows)

    kernel = Counted(POINTS, POINTS, 0.4, most_kept=10**9 if kept else 0)
    cover(kernel, np.zeros(1200, np.float32), np.ones(1200, np.float32), TIES, 100)
    assert 1200 < sum(asked) - 100 < 100 * 1200 / 5, "each of 100 picks asks for its own row too"


@pytest.mark.parametrize("bandwidth", [0.3, 0.7])
def test_picks_are_the_same_whether_values_are_kept_or_computed_in_blocks(bandwidth: float) -> None:
    def picks(kernel: GaussianKernel) -> list[int]:
        rows, _ = cover(kernel, kernel.coverage_by(LABELLED), np.ones(1200, np.float32), TIES, 60)
        return rows.tolist()

    kept = picks(GaussianKernel(POINTS, POINTS, bandwidth))
    assert picks(GaussianKernel(POINTS, POINTS, bandwidth, most_kept=0, at_once=1200 * 50)) == kept


@pytest.mark.parametrize("kept", [0, 1, 30, 300])
def test_values_that_are_kept_for_a_while_are_those_computed(kept: int) -> None:
    generator = np.random.default_rng(kept)
    kernel = GaussianKernel(POINTS, LABELLED, 0.7, most_kept=kept * len(LABELLED))
    everything = GaussianKernel(POINTS, LABELLED, 0.7).rows(np.arange(1200))
    for _ in range(50):
        rows = generator.permutation(100)[: generator.integers(1, 60)]
        given = kernel.rows(rows)
        np.testing.assert_allclose(given, everything[rows], rtol=1e-4)
        given[:] = np.nan


@pytest.mark.parametrize(("kept", "computed"), [(19, 20), (20, 0)])
def test_values_of_the_candidates_asked_for_last_are_kept(kept: int, computed: int) -> None:
    read: list[int] = []

    class Counted(Vectors):
        def read(self, rows: Rows) -> Floats:
            read.extend(rows.tolist())
            return super().read(rows)

    kernel = GaussianKernel(Counted(POINTS.features), LABELLED, 0.7, most_kept=kept * len(LABELLED))
    kernel.rows(np.arange(70, 80))
    kernel.rows(np.arange(20, 40))
    read.clear()
    kernel.rows(np.arange(20, 40))
    assert len(read) == computed


def test_coverage_is_raised_to_that_after_all_picks() -> None:
    covered = np.zeros(1200, np.float32)
    kernel = GaussianKernel(POINTS, POINTS, 0.6)
    picks, gains = cover(kernel, covered, np.ones(1200, np.float32), TIES, 30)
    np.testing.assert_allclose(covered, kernel.rows(picks).max(axis=0))
    assert gains.sum() == pytest.approx(covered.sum(dtype=np.float64), rel=1e-4)


def test_all_pairs_are_never_in_memory() -> None:
    """A matrix of all kernel values would be 144 MB."""
    points = Vectors(unit_length(GENERATOR.normal(size=(6000, 8)).astype(np.float32)))
    tracemalloc.start()
    cover(
        GaussianKernel(points, points, 0.3),
        np.zeros(6000, np.float32),
        np.ones(6000, np.float32),
        np.arange(6000, dtype=np.uint64),
        10,
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6
