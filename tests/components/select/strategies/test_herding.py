"""MaxHerding and UHerding against the greedy maximum on a dense kernel, and against scikit-activeml pick for pick."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist
from skactiveml.pool import MaxHerding

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.kernel_coverage import MOST_KEPT

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

GENERATOR = np.random.default_rng(0)
SCALES = GENERATOR.uniform(0.1, 10, 12)
FEATURES = ((GENERATOR.normal(size=(700, 12)) + 3) * SCALES).astype(np.float32)
LABELLED = ((GENERATOR.normal(size=(30, 12)) + 3) * SCALES).astype(np.float32)
PROBS = GENERATOR.dirichlet(np.full(4, 0.3), 700).astype(np.float32)
IDS = np.array([f"{row:04}" for row in range(700)])
STRATEGIES = ["maxherding", "uherding"]
EVERYTHING = {"targets": 700, "candidates": 700}
SMALL = {"targets": 90, "candidates": 60}


def pool_of(labelled: npt.NDArray[np.float32] | None = LABELLED, **changes: Any) -> Candidates:
    return replace(Candidates(IDS, FEATURES, PROBS, labelled_features=labelled), **changes)


def picked(strategy: str, pool: Candidates, budget: int, **parameters: Any) -> list[int]:
    return [int(name) for name in select_batch(strategy, pool, budget, 0, **parameters).ids]


def in_z(pool: Candidates) -> tuple[Doubles, Doubles]:
    """Standardised by the statistics of all samples, at length 1."""
    assert pool.features is not None
    features = pool.features.astype(np.float64)
    labelled = features[:0] if pool.labelled_features is None else pool.labelled_features.astype(np.float64)
    both = np.concatenate([features, labelled])
    both = (both - both.mean(axis=0)) / both.std(axis=0)
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    return both[: len(features)], both[len(features) :]


def weights_of(strategy: str, pool: Candidates) -> Doubles:
    assert pool.probs is not None
    best = np.sort(pool.probs.astype(np.float64), axis=1)
    return np.ones(len(pool)) if strategy == "maxherding" else 1 - (best[:, -1] - best[:, -2])


def median_to_nearest(points: Doubles) -> float:
    between = cdist(points, points)
    np.fill_diagonal(between, np.inf)
    return float(np.median(between.min(axis=1)))


def greedy(
    strategy: str,
    pool: Candidates,
    budget: int,
    bandwidth: float | None = None,
    targets: Rows | None = None,
    candidates: Rows | None = None,
    follow: list[int] | None = None,
) -> tuple[list[int], list[float]]:
    """The textbook form: all kernel values at once, and all gains computed for each pick.

    Where there are picks to follow, these are taken if in double precision too they are the best up to 1e-4.
    """
    points, labelled = in_z(pool)
    targets = np.arange(len(pool)) if targets is None else targets
    candidates = np.arange(len(pool)) if candidates is None else candidates
    width = bandwidth or median_to_nearest(labelled)
    kernel = np.exp(-cdist(points[candidates], points[targets], "sqeuclidean") / (2 * width**2))
    to_labelled = np.exp(-cdist(labelled, points[targets], "sqeuclidean") / (2 * width**2))
    covered = to_labelled.max(axis=0) if len(labelled) else np.zeros(len(targets))
    weights = weights_of(strategy, pool)[targets]
    rows: list[int] = []
    scores: list[float] = []
    free, ties = np.ones(len(candidates), bool), keyed_order(pool.ids[candidates], "ties")
    for rank in range(budget):
        gains = np.where(free, (weights * np.maximum(kernel - covered, 0)).sum(axis=1), -1)
        equal = np.flatnonzero(gains >= gains.max() * (1 - 1e-6))
        best = int(equal[ties[equal].argmin()])
        if follow is not None and gains[follow[rank]] >= gains.max() * (1 - 1e-4):
            best = follow[rank]
        rows.append(int(candidates[best]))
        scores.append(float(gains[best] / len(targets)))
        free[best] = False
        covered = np.maximum(covered, kernel[best])
    return rows, scores


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("bandwidth", [None, 0.3, 0.7, 3.0])
def test_the_greedy_maximum_on_the_dense_kernel(strategy: str, bandwidth: float | None) -> None:
    rows, scores = greedy(strategy, pool_of(), 120, bandwidth)
    selection = select_batch(strategy, pool_of(), 120, 0, bandwidth=bandwidth, **EVERYTHING)
    assert selection.ids.astype(int).tolist() == rows
    np.testing.assert_allclose(selection.scores, scores, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_under_a_narrow_kernel_picks_are_the_best_that_float32_can_tell(strategy: str) -> None:
    rows = picked(strategy, pool_of(), 120, bandwidth=0.1, **EVERYTHING)
    assert greedy(strategy, pool_of(), 120, 0.1, follow=rows)[0] == rows


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("bandwidth", [None, 0.3])
def test_a_pool_whose_kernel_values_are_too_many_to_keep(strategy: str, bandwidth: float | None) -> None:
    size = 2100
    assert size * size > MOST_KEPT
    generator = np.random.default_rng(5)
    pool = Candidates(
        ids=np.array([f"{row:04}" for row in range(size)]),
        features=generator.normal(size=(size, 40)).astype(np.float32),
        probs=generator.dirichlet(np.full(6, 0.5), size).astype(np.float32),
        labelled_features=generator.normal(size=(50, 40)).astype(np.float32),
    )
    given = {"targets": size, "candidates": size, "bandwidth": bandwidth}
    assert picked(strategy, pool, 50, **given) == greedy(strategy, pool, 50, bandwidth)[0]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("labelled", [None, LABELLED[:0], LABELLED[:1]])
def test_few_labels_or_none(strategy: str, labelled: npt.NDArray[np.float32] | None) -> None:
    pool = pool_of(labelled)
    assert picked(strategy, pool, 40, bandwidth=0.5, **EVERYTHING) == greedy(strategy, pool, 40, 0.5)[0]
    points, known = in_z(pool)
    sample = np.argsort(keyed_order(IDS, 0, 0, "herding targets"))[: 40 + len(known)]
    width = median_to_nearest(points[sample])
    assert picked(strategy, pool, 40, **EVERYTHING) == greedy(strategy, pool, 40, width)[0]


@pytest.mark.parametrize("labelled", [None, LABELLED])
def test_scikit_activeml_picks_the_same(labelled: npt.NDArray[np.float32] | None) -> None:
    points, known = in_z(pool_of(labelled))
    labels = np.concatenate([np.full(700, np.nan), np.zeros(len(known))])
    peer = MaxHerding(random_state=0, normalize_samples=False, metric="rbf", metric_dict={"gamma": 1 / (2 * 0.6**2)})
    theirs = peer.query(np.concatenate([points, known]), labels, batch_size=60)
    assert picked("maxherding", pool_of(labelled), 60, bandwidth=0.6, **EVERYTHING) == theirs.tolist()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_larger_pool_is_covered_on_a_sample(strategy: str) -> None:
    targets = np.sort(np.argsort(keyed_order(IDS, 0, 0, "herding targets"))[:90])
    candidates = np.sort(np.argsort(keyed_order(IDS, 0, 0, "herding candidates"))[:60])
    if strategy == "uherding":
        candidates = np.sort(np.argsort(-weights_of(strategy, pool_of()))[:60])
    rows, scores = greedy(strategy, pool_of(), 25, None, targets, candidates)
    selection = select_batch(strategy, pool_of(), 25, 0, **SMALL)
    assert selection.ids.astype(int).tolist() == rows
    np.testing.assert_allclose(selection.scores, scores, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("budget", [1, 59, 60, 61, 300, 700])
def test_samples_grow_with_the_budget(strategy: str, budget: int) -> None:
    assert len(set(picked(strategy, pool_of(), budget, **SMALL))) == budget
    if 2 * budget >= 700:
        assert picked(strategy, pool_of(), budget, **SMALL) == picked(strategy, pool_of(), budget, **EVERYTHING)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_samples_depend_on_seed_and_cycle(strategy: str) -> None:
    given = {"targets": 90, "candidates": 700}
    first = select_batch(strategy, pool_of(), 20, 0, **given).ids.tolist()
    assert select_batch(strategy, pool_of(), 20, 1, **given).ids.tolist() != first
    assert select_batch(strategy, pool_of(cycle=1), 20, 0, **given).ids.tolist() != first


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_copies_come_last(strategy: str) -> None:
    kind = GENERATOR.integers(0, 9, 700)
    probs = PROBS[:9].copy()
    probs[:] = 0.25
    pool = pool_of(FEATURES[:1], features=FEATURES[kind], probs=probs[kind])
    selection = select_batch(strategy, pool, 30, 0, **EVERYTHING)
    assert sorted(kind[selection.ids[:8].astype(int)]) == list(range(1, 9))
    assert (selection.scores[:8] > 0).all() and (selection.scores[8:] == 0).all()
    assert selection.reasons[8].endswith("all that it stands for is covered")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("labelled", [None, LABELLED[:1], LABELLED[[0, 0, 0]], LABELLED])
@pytest.mark.parametrize("bandwidth", [None, 1e-300, 1e300])
def test_features_that_tell_nothing(
    strategy: str, labelled: npt.NDArray[np.float32] | None, bandwidth: float | None
) -> None:
    for features in (np.zeros_like(FEATURES), np.ones_like(FEATURES), FEATURES[:1].repeat(700, axis=0)):
        for same in (labelled, None if labelled is None else features[: len(labelled)]):
            pool = pool_of(same, features=features)
            for parameters in (EVERYTHING, SMALL):
                selection = select_batch(strategy, pool, 100, 0, bandwidth=bandwidth, **parameters)
                assert len(set(selection.ids)) == 100 and np.isfinite(selection.scores).all()


def test_a_certain_model_still_gets_its_query() -> None:
    certain = np.eye(4, dtype=np.float32)[GENERATOR.integers(0, 4, 700)]
    selection = select_batch("uherding", pool_of(probs=certain), 50, 0)
    assert len(set(selection.ids)) == 50 and (selection.scores == 0).all()
    assert selection.reasons[0] == "margin 1.000; all that it stands for is covered"


def test_what_is_certain_needs_no_cover() -> None:
    probs = np.tile(np.array([1, 0, 0, 0], np.float32), (700, 1))
    probs[:20] = 0.25
    alone = pool_of(features=FEATURES[:20], probs=probs[:20], ids=IDS[:20])
    assert sorted(picked("uherding", pool_of(probs=probs), 5, bandwidth=0.1)) == sorted(
        picked("uherding", alone, 5, bandwidth=0.1)
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_pick_adds_no_more_than_the_one_before(strategy: str) -> None:
    scores = select_batch(strategy, pool_of(), 200, 0, **EVERYTHING).scores
    assert (scores[1:] <= scores[:-1] * (1 + 1e-5)).all() and 0 <= scores.sum() <= 1


def test_reasons_are_in_plain_words() -> None:
    selection = select_batch("maxherding", pool_of(), 3, 0)
    assert selection.reasons[0] == f"stands for {100 * selection.scores[0]:.2g} % more of the pool"
    selection = select_batch("uherding", pool_of(), 3, 0)
    weights = weights_of("uherding", pool_of())
    row, share = int(selection.ids[0]), 100 * selection.scores[0] / weights.mean()
    assert selection.reasons[0] == (
        f"margin {1 - weights[row]:.3f}; stands for {share:.2g} % more of what is uncertain"
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_scale_of_a_coordinate_does_not_matter(strategy: str, factor: float) -> None:
    scales = np.where(np.arange(12) % 2, factor, 1).astype(np.float32)
    scaled = pool_of(LABELLED * scales, features=FEATURES * scales)
    assert picked(strategy, scaled, 60) == picked(strategy, pool_of(), 60)


def test_new_labels_change_the_picks(complete_pool: Callable[..., Candidates]) -> None:
    pool = replace(complete_pool(100), labelled_ids=None, labelled_classes=None)
    assert pool.labelled_features is not None and pool.features is not None
    for strategy in STRATEGIES:
        first = select_batch(strategy, pool, 1, 0).ids[0]
        known = np.concatenate([pool.labelled_features, pool.features[pool.ids == first]])
        assert select_batch(strategy, replace(pool, labelled_features=known), 1, 0).ids[0] != first


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bandwidth": 0.0}, "bandwidth must be a number above 0; got 0"),
        ({"bandwidth": float("nan")}, "bandwidth must be a number above 0; got nan"),
        ({"targets": 0}, "targets must be a number of at least 1; got 0"),
        ({"candidates": 0}, "candidates must be a number of at least 1; got 0"),
    ],
)
def test_what_they_refuse(strategy: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        select_batch(strategy, pool_of(), 3, 0, **parameters)


def balanced_greedy(pool: Candidates, budget: int) -> list[int]:
    """The textbook form in rounds: the best candidate of a class that has had no pick in this round."""
    points, labelled = in_z(pool)
    width = median_to_nearest(labelled)
    kernel = np.exp(-cdist(points, points, "sqeuclidean") / (2 * width**2))
    covered = np.exp(-cdist(labelled, points, "sqeuclidean") / (2 * width**2)).max(axis=0)
    assert pool.probs is not None
    classes, weights = pool.probs.argmax(axis=1), weights_of("uherding", pool)
    picks: list[int] = []
    had: set[int] = set()
    while len(picks) < budget:
        open_ = [row for row in range(len(pool)) if row not in picks and classes[row] not in had]
        if not open_:
            had = set()
            continue
        gains = np.maximum(kernel[open_] - covered, 0) @ weights
        picks.append(open_[int(gains.argmax())])
        covered = np.maximum(covered, kernel[picks[-1]])
        had.add(int(classes[picks[-1]]))
    return picks


def test_class_balance_picks_in_rounds_over_the_predicted_classes() -> None:
    probs = np.random.default_rng(0).dirichlet([3, 2, 1.5, 0.3], 700).astype(np.float32)
    pool = pool_of(probs=probs)
    predicted = probs.argmax(axis=1)
    few = np.bincount(predicted, minlength=4)[3]
    assert np.bincount(predicted, minlength=4)[:3].min() > 14 and few < 10
    found = picked("uherding", pool, 40, class_balanced=True, **EVERYTHING)
    assert found == balanced_greedy(pool, 40)
    free = picked("uherding", pool, 40, **EVERYTHING)
    spread = [np.bincount(predicted[rows], minlength=4) for rows in (found, free)]
    assert spread[0][:3].max() - spread[0][:3].min() <= 1 < spread[1].max() - spread[1].min()
    assert spread[0][3] == few


def test_class_balance_lists_candidates_of_every_class() -> None:
    """Of a large pool the most uncertain may all be of one predicted class."""
    sure = np.tile(np.float32([0.02, 0.98]), (650, 1))
    probs = np.concatenate([np.tile(np.float32([0.51, 0.49]), (50, 1)), sure])
    found = picked("uherding", pool_of(probs=probs), 10, class_balanced=True, targets=90, candidates=40)
    assert len(set(found)) == 10 and np.bincount(probs[found].argmax(axis=1)).tolist() == [5, 5]


def test_class_balance_gives_exact_counts() -> None:
    for budget in (1, 3, 699, 700, 900):
        found = picked("uherding", pool_of(), budget, class_balanced=True, **SMALL)
        assert len(set(found)) == len(found) == min(budget, 700)
