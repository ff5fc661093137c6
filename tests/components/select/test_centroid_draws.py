"""Where centroids start, and the samples that a step draws."""

import numpy as np
import pytest

from labelcycle.components.select.centroids import drawn_by_weight, drawn_rows, start_rows


def test_starts_belong_to_the_ids() -> None:
    ids = np.array([f"{number:02}" for number in range(50)])
    rows = start_rows(ids, 10, 3, "name")
    assert len(set(rows)) == 10
    later = start_rows(np.concatenate([["-"], ids]), 51, 3, "name")
    assert [row - 1 for row in later if row][:10] == rows.tolist()
    assert start_rows(ids, 10, 4, "name").tolist() != rows.tolist()


def test_steps_draw_distinct_rows_only_from_larger_pools() -> None:
    generator = np.random.default_rng(0)
    assert drawn_rows(100, 100, generator) is None
    first, second = drawn_rows(100, 30, generator), drawn_rows(100, 30, generator)
    assert first is not None and second is not None
    assert len(set(first)) == 30 and (np.diff(first) > 0).all() and first.max() < 100
    assert first.tolist() != second.tolist()


def test_draws_by_weight_fall_on_each_sample_as_often_as_its_share() -> None:
    generator = np.random.default_rng(0)
    weights = generator.exponential(size=50) * (np.arange(50) % 5 > 0)
    shares = np.zeros((400, 50))
    for draws in shares:
        rows, drawn = drawn_by_weight(weights.cumsum(), 20, generator)
        assert (np.diff(rows) > 0).all() and (weights[rows] > 0).all()
        assert drawn.sum() == pytest.approx(1)
        draws[rows] = drawn
    expected = weights / weights.sum()
    np.testing.assert_allclose(shares.mean(axis=0), expected, atol=0.006)
    assert (np.abs(shares - expected) < 2 / 20 + 1e-9).all()


def test_draws_by_weight_reach_the_last_sample_and_no_farther() -> None:
    generator = np.random.default_rng(0)
    assert drawn_by_weight(np.array([3.0]), 4, generator)[0].tolist() == [0]
    rows, shares = drawn_by_weight(np.array([0.0, 0.0, 1.0, 2.0]), 1000, generator)
    assert rows.tolist() == [2, 3]
    np.testing.assert_allclose(shares, [1 / 2, 1 / 2], atol=2e-3)
