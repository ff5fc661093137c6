"""BALD against mutual information over the probabilities of all passes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from labelcycle.components.core.config.query_choice import DropoutSite
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.models.dropout import DropoutPasses, id_hashes, mutual_information
from labelcycle.components.core.models.head import softmax
from labelcycle.components.select import Candidates, select_batch


@pytest.mark.parametrize(("passes", "rate"), [(20, 0.5), (4, 0.25)])
@pytest.mark.parametrize("place", ["features", "normalised"])
def test_the_entropy_of_the_mean_less_the_mean_entropy(
    passes: int, rate: float, place: DropoutSite, complete_pool: Callable[..., Candidates]
) -> None:
    pool = replace(complete_pool(400, width=30), cycle=2)
    assert pool.head is not None and pool.features is not None
    asked = DropoutPasses(pool.head, 6, 2, passes, rate, place)
    probs = np.stack([softmax(logits) for logits in asked.logits(pool.features, id_hashes(pool.ids))])
    assert probs.shape == (passes, 400, 4)
    exact = probs.astype(np.float64)
    expected = scipy.stats.entropy(exact.mean(axis=0), axis=1) - scipy.stats.entropy(exact, axis=2).mean(axis=0)
    selection = select_batch("bald", pool, 25, 6, passes=passes, rate=rate, place=place)
    best = np.argsort(-expected)[:25]
    assert selection.ids.tolist() == pool.ids[best].tolist()
    np.testing.assert_allclose(selection.scores, expected[best], atol=1e-5)
    assert selection.reasons[0] == f"mutual information {selection.scores[0]:.3f}"


def test_given_information_is_what_it_would_compute(complete_pool: Callable[..., Candidates]) -> None:
    pool = replace(complete_pool(300, width=12), cycle=3)
    assert pool.head is not None and pool.features is not None
    known = mutual_information(pool.head, pool.features, pool.ids, 8, 3)
    given = select_batch("bald", Candidates(pool.ids, mutual_information=known), 20, 8)
    computed = select_batch("bald", pool, 20, 8)
    assert given.ids.tolist() == computed.ids.tolist() and given.scores.tolist() == computed.scores.tolist()


def test_given_information_alone_decides(complete_pool: Callable[..., Candidates]) -> None:
    pool = replace(complete_pool(50), mutual_information=np.arange(50) / 50)
    assert select_batch("bald", pool, 3, 0).ids.tolist() == pool.ids[[49, 48, 47]].tolist()


def test_it_needs_information_or_a_head_with_features(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(20)
    for lacking in (replace(pool, head=None), replace(pool, features=None, labelled_features=None)):
        with pytest.raises(ConfigurationError, match="'bald' needs mutual_information, or head and features"):
            select_batch("bald", lacking, 3, 0)
