"""Mean curves and their bands."""

import pytest

from labelcycle.pipelines.backtest.curves import band

pytestmark = pytest.mark.draws


def test_by_hand() -> None:
    """0.8, 0.9, 1.0: mean 0.9, deviation 0.1, t of two degrees of freedom 4.30265."""
    found = band([[0.8, 0.5], [0.9, 0.5], [1.0, 0.5]])
    assert found.mean == pytest.approx([0.9, 0.5])
    assert found.half_width == pytest.approx([4.30265 * 0.1 / 3**0.5, 0.0], abs=1e-5)


def test_a_single_seed_has_no_band() -> None:
    found = band([[0.8, 0.9]])
    assert (found.mean, found.half_width) == ([0.8, 0.9], None)
