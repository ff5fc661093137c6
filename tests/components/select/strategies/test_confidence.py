"""Confidence against the largest probability, in any float type."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select import Candidates, select_batch


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_the_smallest_largest_probabilities(kind: Any, make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(3000, classes=5)
    assert pool.probs is not None
    probs = pool.probs.astype(kind)
    largest = probs.max(axis=1).astype(np.float32)
    expected = np.lexsort((keyed_order(pool.ids, "ties"), largest))[:40]
    selection = select_batch("confidence", replace(pool, probs=probs), 40, 0)
    assert selection.ids.tolist() == pool.ids[expected].tolist()
    assert selection.scores.tolist() == (-largest[expected]).tolist()
    assert selection.reasons[0] == f"confidence {largest[expected[0]]:.3f}"


def test_one_class_is_certain_of_all(make_pool: Callable[..., Candidates]) -> None:
    pool = replace(make_pool(20), probs=np.ones((20, 1)))
    selection = select_batch("confidence", pool, 4, 0)
    assert selection.ids.tolist() == pool.ids[np.argsort(keyed_order(pool.ids, "ties"))[:4]].tolist()
