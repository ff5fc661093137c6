"""Groups of near samples: every row in one, partnership mutual, no group large, recall as measured."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.select.ball_graph import BallGraph, Groups, all_pairs
from labelcycle.components.select.near_duplicates import groups_for, near_groups, recall
from labelcycle.components.select.points import Vectors, unit_length

IDS = np.array([f"{row:05}" for row in range(5000)])


def blobs(size: int, seed: int = 0) -> npt.NDArray[np.float32]:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(40, 10))
    return unit_length((centres[generator.integers(0, 40, size)] + generator.normal(size=(size, 10)) / 8).astype("f4"))


def check(groups: Groups, size: int) -> None:
    assert sorted(np.concatenate(groups.members).tolist()) == list(range(size))
    assert all(len(members) for members in groups.members)
    among = [set(partners.tolist()) for partners in groups.partners]
    assert all(number in partners for number, partners in enumerate(among))
    assert all(number in among[other] for number, partners in enumerate(among) for other in partners)


def test_rows_are_divided_and_partnership_is_mutual() -> None:
    groups = near_groups(Vectors(blobs(2000)), IDS[:2000], 0, members=50, partners=4)
    check(groups, 2000)
    assert min(len(partners) for partners in groups.partners) >= 4
    assert max(len(members) for members in groups.members) <= 100


def test_thousands_of_equals_make_no_large_group() -> None:
    vectors = blobs(2000)
    vectors[200:] = vectors[200]
    groups = near_groups(Vectors(vectors), IDS[:2000], 0, members=50)
    check(groups, 2000)
    assert max(len(members) for members in groups.members) <= 100
    graph = BallGraph(Vectors(vectors), 0.01, groups)
    assert (graph.degrees[200:] >= 1800).all()


def test_neighbours_are_found_in_near_groups() -> None:
    vectors = blobs(3000)
    points = Vectors(vectors)
    graph = BallGraph(points, 0.2, near_groups(points, IDS[:3000], 0, members=100))
    near = cdist(vectors, vectors) < 0.2
    assert graph.degrees.sum() / near.sum() > 0.99
    assert all(near[row][graph.neighbours(row)].all() for row in range(0, 3000, 50))


@pytest.mark.parametrize("partners", [1, 3])
def test_recall_is_the_share_of_true_neighbours(partners: int) -> None:
    vectors = blobs(1500)
    points = Vectors(vectors)
    graph = BallGraph(points, 0.9, near_groups(points, IDS[:1500], 0, members=40, partners=partners))
    order = np.random.default_rng(0).permutation(1500).astype(np.uint64)
    some = np.argsort(order)[:256]
    near = cdist(vectors[some], vectors) < 0.9
    measured = recall(graph, points, 0.9, order)
    assert measured == pytest.approx(graph.degrees[some].sum() / near.sum(), rel=1e-3)
    assert 0 < measured < 0.99


def test_small_pools_are_compared_exactly() -> None:
    points = Vectors(blobs(1500))
    exact = groups_for(points, IDS[:1500], 0)
    assert [len(partners) for partners in exact.partners] == [len(exact.members)] * len(all_pairs(1500).members)
    order = np.arange(1500, dtype=np.uint64)
    assert recall(BallGraph(points, 0.5, exact), points, 0.5, order) == pytest.approx(1, abs=1e-4)
    assert len(groups_for(points, IDS[:1500], 0, exact_up_to=1500).members) == len(exact.members)
    near = groups_for(Vectors(blobs(5000)), IDS, 0, exact_up_to=4999)
    assert 1024 not in {len(members) for members in near.members}, "which consecutive rows would have"
