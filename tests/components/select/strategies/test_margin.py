"""Margin against the two largest probabilities after sorting."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select import Candidates, select_batch


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("classes", [2, 3, 40])
def test_the_smallest_differences(kind: Any, classes: int, make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(2500, classes=classes)
    assert pool.probs is not None
    probs = pool.probs.astype(kind)
    ordered = np.sort(probs.astype(np.promote_types(kind, np.float32)), axis=1)
    margins = (ordered[:, -1] - ordered[:, -2]).astype(np.float32)
    expected = np.lexsort((keyed_order(pool.ids, "ties"), margins))[:40]
    selection = select_batch("margin", replace(pool, probs=probs), 40, 0)
    assert selection.ids.tolist() == pool.ids[expected].tolist()
    assert selection.scores.tolist() == (-margins[expected]).tolist()
    assert selection.reasons[0] == f"margin {margins[expected[0]]:.3f}"


def test_margin_is_not_confidence() -> None:
    probs = np.array([[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    pool = Candidates(np.array(["torn", "vague"]), probs=probs)
    assert select_batch("margin", pool, 1, 0).ids.tolist() == ["torn"]
    assert select_batch("confidence", pool, 1, 0).ids.tolist() == ["vague"]


def test_of_one_class_the_margin_is_its_probability(make_pool: Callable[..., Candidates]) -> None:
    pool = replace(make_pool(20), probs=np.ones((20, 1), np.float32))
    assert select_batch("margin", pool, 4, 0).scores.tolist() == [-1] * 4
