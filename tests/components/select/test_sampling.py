"""Samples by a hash of the id."""

import numpy as np
import pytest

from labelcycle.components.core.ordering import keyed_order
from labelcycle.components.select.sampling import sampled

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
