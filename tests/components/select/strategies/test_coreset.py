"""Coreset against furthest-first traversal written out, and against scikit-activeml and ALiPy pick for pick."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from alipy.query_strategy import QueryInstanceCoresetGreedy
from scipy.spatial.distance import cdist
from skactiveml.pool import CoreSet

from labelcycle.components.select import Candidates, select_batch

GENERATOR = np.random.default_rng(0)
POOL = GENERATOR.normal(size=(400, 12)).astype(np.float32)
LABELLED = GENERATOR.normal(size=(25, 12)).astype(np.float32)
IDS = np.array([f"{row:03}" for row in range(400)])


def picked(budget: int, labelled: npt.NDArray[np.floating] | None = LABELLED) -> list[int]:
    pool = Candidates(IDS, features=POOL, labelled_features=labelled)
    return [int(name) for name in select_batch("coreset", pool, budget, 0).ids]


def traversal(nearest: npt.NDArray[np.float64], rows: list[int], budget: int) -> list[int]:
    between = cdist(POOL, POOL)
    for row in rows:
        nearest = np.minimum(nearest, between[row])
    while len(rows) < budget:
        free = np.where(np.isin(np.arange(400), rows), -1, nearest)
        rows = [*rows, int(free.argmax())]
        nearest = np.minimum(nearest, between[rows[-1]])
    return rows


@pytest.mark.parametrize("budget", [1, 80, 400])
def test_the_traversal_starts_from_the_labelled_samples(budget: int) -> None:
    assert picked(budget) == traversal(cdist(POOL, LABELLED).min(axis=1), [], budget)


@pytest.mark.parametrize("labelled", [None, LABELLED[:0]])
def test_without_labels_the_traversal_starts_at_the_medoid(labelled: npt.NDArray[np.float32] | None) -> None:
    medoid = int(cdist(POOL, POOL, "sqeuclidean").sum(axis=1).argmin())
    assert picked(1, labelled) == [medoid]
    assert picked(60, labelled) == traversal(np.full(400, np.inf), [medoid], 60)


def test_scikit_activeml_picks_the_same() -> None:
    known = np.concatenate([np.zeros(25), np.full(400, np.nan)])
    theirs = CoreSet(random_state=0).query(np.concatenate([LABELLED, POOL]), known, batch_size=60)
    assert picked(60) == [int(row) - 25 for row in theirs]


def test_alipy_picks_the_same() -> None:
    together = np.concatenate([LABELLED, POOL])
    peer = QueryInstanceCoresetGreedy(together, np.zeros(425), np.arange(425))
    theirs = peer.select(np.arange(25), np.arange(25, 425), batch_size=60)
    assert picked(60) == [int(row) - 25 for row in theirs]


def test_scores_are_distances_when_picked() -> None:
    selection = select_batch("coreset", Candidates(IDS, features=POOL, labelled_features=LABELLED), 50, 0)
    rows = selection.ids.astype(int)
    between = cdist(POOL[rows], np.concatenate([LABELLED, POOL[rows]]))
    expected = [between[rank, : 25 + rank].min() for rank in range(50)]
    np.testing.assert_allclose(selection.scores, expected, rtol=1e-4)
    assert selection.reasons[3] == f"distance {selection.scores[3]:.3f} from all labelled and picked"


def test_copies_of_labelled_samples_come_last() -> None:
    features = np.concatenate([LABELLED[:10], POOL[:30]])
    pool = Candidates(IDS[:40], features=features, labelled_features=LABELLED)
    selection = select_batch("coreset", pool, 40, 0)
    assert sorted(selection.ids[30:]) == IDS[:10].tolist()
    assert (selection.scores[30:] == 0).all()


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e9])
def test_the_scale_of_features_does_not_matter(scale: float) -> None:
    pool = Candidates(IDS, features=POOL * np.float32(scale), labelled_features=LABELLED * np.float32(scale))
    assert select_batch("coreset", pool, 50, 0).ids.astype(int).tolist() == picked(50)


def test_the_largest_half_precision_numbers() -> None:
    features = np.where(np.random.default_rng(1).random((60, 384)) < 0.5, 65504, -65504).astype(np.float16)
    pool = Candidates(IDS[:60], features=features)
    selection = select_batch("coreset", pool, 20, 0)
    between = cdist(features.astype(np.float64), features.astype(np.float64))
    rows = selection.ids.astype(int)
    assert selection.scores[1] == pytest.approx(between[rows[0]].max(), rel=1e-5)


def test_new_labels_change_the_picks(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(100)
    assert pool.labelled_features is not None
    first = select_batch("coreset", pool, 1, 0).ids[0]
    taken = pool.features[pool.ids == first]  # type: ignore[index]
    after = replace(
        pool,
        labelled_ids=None,
        labelled_classes=None,
        labelled_features=np.concatenate([pool.labelled_features, taken]),
    )
    assert select_batch("coreset", after, 1, 0).ids[0] != first
