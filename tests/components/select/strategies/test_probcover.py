"""ProbCover against greedy maximum coverage on a dense graph."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.ball_graph import BallGraph, all_pairs
from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.strategies import probcover as module

GENERATOR = np.random.default_rng(0)
IDS = np.array([f"{row:04}" for row in range(600)])
FEATURES = GENERATOR.normal(size=(600, 4)).astype(np.float32)
LABELLED = GENERATOR.normal(size=(30, 4)).astype(np.float32)


def unit(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return result


def greedy(radius: float, budget: int, labelled: npt.NDArray[np.float32] | None) -> tuple[list[int], list[int]]:
    """Take the sample with the most uncovered neighbours, remove those, until nothing is left; ties by hash."""
    near = cdist(unit(FEATURES), unit(FEATURES)) < radius
    uncovered = np.ones(len(FEATURES), bool)
    if labelled is not None:
        uncovered = ~(cdist(unit(FEATURES), unit(labelled)) < radius).any(axis=1)
    ties = keyed_order(IDS, "ties")
    rows: list[int] = []
    counts: list[int] = []
    while len(rows) < budget and uncovered.any():
        gains = near[:, uncovered].sum(axis=1)
        best = np.flatnonzero(gains == gains.max())
        rows.append(int(best[ties[best].argmin()]))
        counts.append(int(gains.max()))
        uncovered &= ~near[rows[-1]]
    return rows, counts


@pytest.mark.parametrize("radius", [0.1, 0.3, 0.8])
@pytest.mark.parametrize("labelled", [None, LABELLED])
def test_greedy_coverage_of_the_dense_graph(radius: float, labelled: npt.NDArray[np.float32] | None) -> None:
    graph = BallGraph(Vectors(FEATURES, unit_length), radius, all_pairs(len(FEATURES)))
    assert graph.keeps_edges == (radius < 0.2), "edges are kept of the smallest balls alone: both ways are looked at"
    rows, counts = greedy(radius, 40, labelled)
    pool = Candidates(IDS, features=FEATURES, labelled_features=labelled)
    selection = select_batch("probcover", pool, len(rows), 0, radius=radius)
    assert selection.ids.astype(int).tolist() == rows
    assert selection.scores.tolist() == selection.represents.tolist() == counts
    assert selection.reasons[0] == f"covers {counts[0]} more samples within {radius:.3f}"


def test_all_is_covered_then_the_farthest_follow() -> None:
    radius = 0.9
    rows, _ = greedy(radius, 600, LABELLED)
    pool = Candidates(IDS, features=FEATURES, labelled_features=LABELLED)
    selection = select_batch("probcover", pool, len(rows) + 20, 0, radius=radius)
    picked = selection.ids.astype(int)
    assert picked[: len(rows)].tolist() == rows
    together = np.concatenate([unit(LABELLED), unit(FEATURES[picked])])
    known = len(LABELLED)
    for rank in range(len(rows), len(picked)):
        nearest = cdist(unit(FEATURES), together[: known + rank]).min(axis=1)
        nearest[picked[:rank]] = -1
        assert picked[rank] == nearest.argmax()
        assert selection.reasons[rank].startswith(f"all is covered; distance {nearest.max():.3f}"[:-1])
    assert (selection.scores[len(rows) :] == 0).all() and (selection.represents[len(rows) :] == 1).all()


def test_the_first_rows_are_no_default() -> None:
    """With one ball around everything the farthest samples follow; implementations that return row 0 fail here."""
    features = np.concatenate([FEATURES[:1].repeat(50, axis=0), FEATURES[1:20]])
    pool = Candidates(IDS[:69], features=features, labelled_features=LABELLED)
    selection = select_batch("probcover", pool, 5, 0, radius=2.0)
    assert (selection.scores == 0).all()
    assert len(set(selection.ids) & set(IDS[:50])) <= 1


@pytest.mark.parametrize("radius", [1e-6, 1e-4])
def test_copies_cover_each_other_whatever_the_radius(radius: float) -> None:
    kind = GENERATOR.integers(0, 10, 200)
    pool = Candidates(IDS[:200], features=GENERATOR.normal(size=(10, 384)).astype(np.float16)[kind])
    selection = select_batch("probcover", pool, 10, 0, radius=radius)
    assert sorted(kind[selection.ids.astype(int)]) == list(range(10))
    assert selection.scores.tolist() == sorted(np.bincount(kind).tolist(), reverse=True)


def test_the_radius_is_the_largest_that_is_pure() -> None:
    """Four tight clusters, far apart: a ball is pure up to the distance to the next cluster."""
    features = np.eye(4)[np.arange(200) % 4] + GENERATOR.normal(size=(200, 4)) / 100
    pool = Candidates(IDS[:200], features=features.astype(np.float32))
    selection = select_batch("probcover", pool, 6, 0, clusters=4, purity=1.0)
    assert selection.scores[:4].tolist() == [50] * 4 and (selection.scores[4:] == 0).all()
    assert sorted(selection.ids[:4].astype(int) % 4) == [0, 1, 2, 3]
    between = cdist(unit(features), unit(features))
    other = np.where(np.arange(200)[:, None] % 4 == np.arange(200) % 4, 9, between).min(axis=1)
    assert selection.reasons[0].endswith(f"within {other.min():.3f}")
    most = select_batch("probcover", pool, 1, 0, clusters=4)
    assert most.reasons[0].endswith(f"within {np.sort(other)[10]:.3f}")


def test_pseudo_labels_are_as_many_as_classes(
    complete_pool: Callable[..., Candidates], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    original = module.k_means

    def watched(points: object, clusters: int, *rest: object) -> object:
        asked.append(clusters)
        return original(points, clusters, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "k_means", watched)
    pool = complete_pool(60, classes=5, labelled=40)
    for changes in ({}, {"probs": None}, {"probs": None, "head": None}):
        select_batch("probcover", replace(pool, **changes), 7, 0)  # type: ignore[arg-type]
    unknown = replace(pool, probs=None, head=None, labelled_classes=None)
    select_batch("probcover", unknown, 7, 0)
    select_batch("probcover", unknown, 7, 0, clusters=3)
    select_batch("probcover", unknown, 7, 0, clusters=300)
    select_batch("probcover", unknown, 7, 0, radius=0.5)
    assert asked == [5, 5, 5, 7, 3, 60]


def test_large_pools_are_compared_within_near_clusters_and_recall_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str] = []
    monkeypatch.setattr(module, "notice", notices.append)
    pool = Candidates(IDS, features=FEATURES)
    exact = select_batch("probcover", pool, 30, 0, radius=0.3)
    assert notices == []
    compared_in_part = partial(module.neighbour_graph, exact_up_to=599, members=60, partners=4)
    monkeypatch.setattr(module, "neighbour_graph", compared_in_part)
    near = select_batch("probcover", pool, 30, 0, radius=0.3)
    (notice,) = notices
    assert notice.startswith("probcover: 600 samples are compared within near clusters; ")
    assert 80 < float(notice.split("; ")[1].split("%")[0]) < 100
    covered = [
        (cdist(unit(FEATURES[found.ids.astype(int)]), unit(FEATURES)) < 0.3).any(axis=0).mean()
        for found in (exact, near)
    ]
    assert covered[1] > 0.95 * covered[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"purity": 0.0}, "purity is a share above 0"),
        ({"purity": 1.1}, "purity is a share above 0"),
        ({"radius": 0.0}, "radius is above 0 and at most 2"),
        ({"radius": 2.1}, "radius is above 0 and at most 2"),
        ({"clusters": 0}, "clusters must be at least 1; got 0"),
        ({"clusters": -3}, "clusters must be at least 1; got -3"),
    ],
)
def test_what_it_refuses(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        select_batch("probcover", Candidates(IDS, features=FEATURES), 3, 0, **parameters)
