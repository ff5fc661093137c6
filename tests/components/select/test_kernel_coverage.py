"""Lazy gains against all gains anew, how many are computed, and memory."""

import tracemalloc

import numpy as np
import pytest

from labelcycle.components.select import kernel_coverage as module
from labelcycle.components.select.kernel_coverage import GaussianKernel, cover
from labelcycle.components.select.points import Vectors, unit_length

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
def test_few_gains_are_computed_anew(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 10**9 if kept else 0)
    computed: list[int] = []
    original = module._gains

    def counted(kernel: GaussianKernel, rows: module.Rows, *rest: module.Floats) -> module.Floats:
        computed.append(len(rows))
        return original(kernel, rows, *rest)

    monkeypatch.setattr(module, "_gains", counted)
    covered = np.zeros(1200, np.float32)
    cover(GaussianKernel(POINTS, POINTS, 0.4), covered, np.ones(1200, np.float32), TIES, 100)
    assert 1200 < sum(computed) < 100 * 1200 / 5


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
