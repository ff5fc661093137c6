"""Featdist against its dense form, and PEAL's Algorithm 1 step by step."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select import Candidates, select_batch


def dense(pool: Candidates, reduce: str) -> npt.NDArray[np.float64]:
    """Every distance to the predicted class's labelled samples, reduced; to the nearest of all where it has none."""
    assert pool.features is not None and pool.labelled_features is not None
    assert pool.probs is not None and pool.labelled_classes is not None
    distances = cdist(pool.features.astype(np.float64), pool.labelled_features.astype(np.float64))
    scores = []
    for row, predicted in zip(distances, pool.probs.argmax(axis=1), strict=True):
        members = row[pool.labelled_classes == predicted]
        scores.append(getattr(np, reduce)(members) if len(members) else row.min())
    return np.array(scores)


@pytest.mark.parametrize("reduce", ["max", "mean", "min"])
def test_the_scores_are_those_of_the_dense_form(reduce: str, complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(2100, classes=4, labelled=40, width=6)
    pool = replace(pool, labelled_classes=np.where(pool.labelled_classes == 2, 1, pool.labelled_classes))
    expected = dense(pool, reduce)
    best = np.argsort(-expected)[:30]
    selection = select_batch("featdist", pool, 30, 0, reduce=reduce)
    np.testing.assert_allclose(selection.scores, expected[best], rtol=1e-4)
    assert selection.ids.tolist() == pool.ids[best].tolist()
    assert selection.reasons[0] == f"distance {selection.scores[0]:.3f}"


def test_algorithm_1_of_peal(complete_pool: Callable[..., Candidates]) -> None:
    """Index labelled features by class; the score of u is its largest distance to the index of its predicted class."""
    pool = complete_pool(50, labelled=30)
    assert pool.features is not None and pool.labelled_features is not None
    assert pool.probs is not None and pool.labelled_classes is not None
    index: dict[int, list[npt.NDArray[np.float64]]] = {}
    for feature, label in zip(pool.labelled_features.astype(np.float64), pool.labelled_classes.tolist(), strict=True):
        index.setdefault(label, []).append(feature)
    score = {
        name: max(float(np.linalg.norm(feature - other)) for other in index[int(probs.argmax())])
        for name, feature, probs in zip(pool.ids.tolist(), pool.features.astype(np.float64), pool.probs, strict=True)
    }
    assert select_batch("featdist", pool, 12, 0).ids.tolist() == sorted(score, key=lambda name: -score[name])[:12]


def test_the_balanced_form_gives_every_predicted_class_its_share(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(200, labelled=30)
    assert pool.probs is not None
    predicted = dict(zip(pool.ids.tolist(), pool.probs.argmax(axis=1).tolist(), strict=True))
    chosen = select_batch("featdist", pool, 20, 0, class_balanced=True).ids.tolist()
    for number in range(4):
        ranked = [name for name in pool.ids[np.argsort(-dense(pool, "max"))].tolist() if predicted[name] == number]
        assert [name for name in chosen if predicted[name] == number] == ranked[:5]


def test_what_it_refuses(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(20)
    with pytest.raises(ConfigurationError, match="reduce is one of max, mean, min; got 'median'"):
        select_batch("featdist", pool, 3, 0, reduce="median")
    assert pool.labelled_features is not None and pool.labelled_classes is not None
    empty = replace(
        pool,
        labelled_ids=None,
        labelled_features=pool.labelled_features[:0],
        labelled_classes=pool.labelled_classes[:0],
    )
    with pytest.raises(ConfigurationError, match="'featdist' needs labelled samples; there is none yet"):
        select_batch("featdist", empty, 3, 0)
