"""Samples by a hash of the id."""

import numpy as np
import pytest

from labelcycle.components.core.features.ordering import Sampler, keyed_order, sampled

IDS = np.array([f"{row:03}" for row in range(300)])


@pytest.mark.parametrize("most", [1, 7, 299])
def test_those_of_smallest_hash_ascending(most: int) -> None:
    expected = np.sort(np.argsort(keyed_order(IDS, 3, "why"))[:most])
    assert sampled(IDS, most, 3, "why").tolist() == expected.tolist()


@pytest.mark.parametrize("most", [300, 301, 10**9])
def test_all_where_there_are_no_more(most: int) -> None:
    assert sampled(IDS, most, 3).tolist() == list(range(300))


def test_the_same_ids_in_any_order() -> None:
    order = np.random.default_rng(0).permutation(300)
    assert set(IDS[order][sampled(IDS[order], 40, 1)]) == set(IDS[sampled(IDS, 40, 1)])
    assert set(IDS[sampled(IDS, 40, 1)]) != set(IDS[sampled(IDS, 40, 2)])


def test_a_sampler_draws_another_sample_for_each_key() -> None:
    sampler, rows = Sampler(IDS, 3), np.arange(0, 300, 2)
    first, second = sampler.sample(rows, 40, "a", 0), sampler.sample(rows, 40, "a", 1)
    for found in (first, second):
        assert len(found) == 40 and set(found) <= set(rows) and (np.diff(found) > 0).all()
    assert first.tolist() != second.tolist()
    assert sampler.sample(rows, 40, "a", 0).tolist() == first.tolist()
    assert Sampler(IDS, 4).sample(rows, 40, "a", 0).tolist() != first.tolist()
    assert sampler.sample(rows, 150, "a").tolist() == sampler.sample(rows, 151, "a").tolist() == rows.tolist()


def test_a_sampler_knows_ids_and_not_their_places() -> None:
    order = np.random.default_rng(0).permutation(300)
    rows = np.arange(300)
    assert set(IDS[order][Sampler(IDS[order], 3).sample(rows, 40, "a")]) == set(
        IDS[Sampler(IDS, 3).sample(rows, 40, "a")]
    )


def test_every_row_is_as_likely_under_many_keys() -> None:
    sampler = Sampler(IDS, 0)
    counts = np.bincount(np.concatenate([sampler.sample(np.arange(300), 30, key) for key in range(2000)]))
    assert len(counts) == 300 and counts.min() > 130 and counts.max() < 270
