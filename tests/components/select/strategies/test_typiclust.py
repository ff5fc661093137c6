"""TypiClust against its text, given the same clusters."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select import Candidates, Selection, select_batch
from labelcycle.components.select.clustering import Clusters
from labelcycle.components.select.points import Vectors
from labelcycle.components.select.strategies import typiclust as module

GENERATOR = np.random.default_rng(0)


def tight(sizes: list[int]) -> npt.NDArray[np.float32]:
    """Clusters of these sizes around the axes, so tight and so far apart that any clustering finds them."""
    number = np.repeat(np.arange(len(sizes)), sizes)
    noise = GENERATOR.normal(size=(len(number), len(sizes))) / 100
    return (np.eye(len(sizes))[number] + noise).astype(np.float32)


def given_clusters(monkeypatch: pytest.MonkeyPatch, sizes: list[int], labels: list[int]) -> Candidates:
    """Candidates and labelled samples in tight clusters that k-means is made to find, in the order given."""
    count = len(sizes)
    pool = Candidates(
        np.array([f"{row:03}" for row in range(sum(sizes))]),
        features=tight(sizes),
        labelled_ids=np.array([f"labelled {row}" for row in range(sum(labels))]),
        labelled_features=tight(labels),
    )

    def found(vectors: Vectors, clusters: int, *rest: object, **options: object) -> Clusters:
        points = vectors.read(slice(None))
        assignment = np.repeat(np.arange(count), sizes)
        centres = np.stack([points[assignment == number].mean(axis=0) for number in range(count)])
        return Clusters(centres, assignment, np.zeros(len(points), np.float32))

    monkeypatch.setattr(module, "k_means", found)
    return pool


def textbook(pool: Candidates, sizes: list[int], labels: list[int], budget: int) -> tuple[list[int], list[float]]:
    """Leave clusters of at most 5 out, order by (labelled, -size), then in turn the most typical of those left."""
    assert pool.features is not None
    vectors = pool.features.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    members = {
        number: set(range(sum(sizes[:number]), sum(sizes[: number + 1])))
        for number in range(len(sizes))
        if sizes[number] + labels[number] > 5
    }
    order = sorted(members, key=lambda number: (labels[number], -(sizes[number] + labels[number])))
    ties = keyed_order(pool.ids, "ties")
    rows: list[int] = []
    scores: list[float] = []
    turn = 0
    while len(rows) < budget:
        left = sorted(members[order[turn % len(order)]], key=lambda row: ties[row])
        turn += 1
        if not left:
            continue
        distances = np.sort(cdist(vectors[left], vectors[left], "sqeuclidean"), axis=1)[:, 1:]
        typicality = (
            1 / (distances[:, : min(20, max(1, len(left) // 2))].mean(axis=1) + 1e-5) if len(left) > 1 else [1e5]
        )
        best = int(np.argmax(typicality))
        rows.append(left[best])
        scores.append(float(typicality[best]))
        members[order[(turn - 1) % len(order)]].discard(left[best])
    return rows, scores


SIZES, LABELS = [30, 60, 12, 45, 4, 61], [0, 2, 1, 0, 0, 2]


@pytest.mark.parametrize("budget", [1, 5, 13, 150])
def test_the_textbook_form_given_the_clusters(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = given_clusters(monkeypatch, SIZES, LABELS)
    rows, scores = textbook(pool, SIZES, LABELS, budget)
    selection = select_batch("typiclust", pool, budget, 0)
    assert selection.ids.astype(int).tolist() == rows
    np.testing.assert_allclose(selection.scores, scores, rtol=1e-3)


def clusters_of(selection: Selection) -> list[int]:
    return selection.clusters.tolist()


def test_clusters_with_few_labels_come_first_then_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    selection = select_batch("typiclust", given_clusters(monkeypatch, SIZES, LABELS), 10, 0)
    assert clusters_of(selection) == [3, 0, 2, 5, 1, 3, 0, 2, 5, 1]
    assert selection.represents.tolist() == [22, 15, 6, 30, 30] * 2
    assert selection.reasons[0].endswith("in cluster 3, of 45 candidates and 0 labels")
    assert selection.reasons[3].endswith("in cluster 5, of 61 candidates and 2 labels")


def test_exhausted_clusters_are_passed_over_and_small_ones_come_last(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, labels = [9, 3, 7, 5, 4], [0, 0, 0, 0, 3]
    pool = given_clusters(monkeypatch, sizes, labels)
    chosen = clusters_of(select_batch("typiclust", pool, 28, 0))
    assert chosen[:20] == [0, 2, 4] * 4 + [0, 2] * 3 + [0, 0]
    assert chosen[20:] == [3, 1] * 3 + [3, 3]


@pytest.mark.parametrize(
    ("size", "labelled", "budget", "expected"), [(900, 30, 40, 70), (900, 300, 400, 500), (60, 50, 40, 60)]
)
def test_the_number_of_clusters(
    size: int,
    labelled: int,
    budget: int,
    expected: int,
    complete_pool: Callable[..., Candidates],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    original = module.k_means

    def watched(vectors: Vectors, clusters: int, *rest: object, **options: object) -> Clusters:
        asked.append(clusters)
        return original(vectors, clusters, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "k_means", watched)
    select_batch("typiclust", complete_pool(size, labelled=labelled), budget, 0)
    assert asked == [expected]


def test_labelled_clusters_are_found_and_left_for_later() -> None:
    features = tight([40, 50, 60, 70])
    ids = np.array([f"{row:03}" for row in range(220)])
    known = features[[200, 201]]
    pool = Candidates(ids, features=features, labelled_features=known)
    selection = select_batch("typiclust", pool, 2, 0)
    assert (selection.ids.astype(int) < 150).all()


def test_scores_and_picks_do_not_depend_on_labels_far_from_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typicality is measured among candidates alone."""
    pool = given_clusters(monkeypatch, [20, 30], [5, 5])
    first = select_batch("typiclust", pool, 1, 0)
    assert pool.labelled_features is not None
    moved = replace(pool, labelled_features=pool.labelled_features * np.float32(1.01))
    again = select_batch("typiclust", moved, 1, 0)
    assert first.ids.tolist() == again.ids.tolist() and first.scores.tolist() == again.scores.tolist()


def test_fewer_neighbours_than_one_are_refused(complete_pool: Callable[..., Candidates]) -> None:
    with pytest.raises(ConfigurationError, match="neighbours must be at least 1; got 0"):
        select_batch("typiclust", complete_pool(20), 3, 0, neighbours=0)
    one, many = (select_batch("typiclust", complete_pool(400), 9, 0, neighbours=count).scores for count in (1, 30))
    assert one.min() > many.max()
