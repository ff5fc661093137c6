"""k-means against faiss and scikit-learn by its objective, and the samples that stand for its clusters."""

from collections.abc import Callable

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from labelcycle.components.select.clustering import (
    MOST_GREEDY,
    Clusters,
    assign,
    cluster_picks,
    k_means,
    picks_of_clusters,
)
from labelcycle.components.select.points import Vectors, unit_length

Floats = npt.NDArray[np.float32]
IDS = np.array([f"{row:05}" for row in range(5000)])


def blobs(size: int, count: int, width: int, seed: int = 0) -> Floats:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(count, width))
    noise = generator.normal(size=(size, width)) / 3
    return (centres[generator.integers(0, count, size)] + noise).astype(np.float32)


def correlated(size: int, width: int, seed: int = 0) -> Floats:
    """Variances that fall off as they do in the features of a network, in no direction of the axes."""
    generator = np.random.default_rng(seed)
    turned, _ = np.linalg.qr(generator.normal(size=(width, width)))
    scales = np.arange(1, width + 1) ** -0.7
    return (generator.normal(size=(size, width)) * scales @ turned).astype(np.float32)


def by_faiss(vectors: Floats, clusters: int, seed: int) -> float:
    found = faiss.Kmeans(vectors.shape[1], clusters, niter=100, seed=seed + 1, min_points_per_centroid=1)
    found.train(vectors)
    return float(found.index.search(vectors, 1)[0].sum())


@pytest.mark.parametrize(
    ("make", "clusters"),
    [
        (lambda: blobs(1500, 30, 12), 30),
        (lambda: blobs(1500, 30, 128), 30),
        (lambda: blobs(1500, 30, 128), 100),
        (lambda: correlated(1500, 12), 40),
        (lambda: correlated(1500, 160), 40),
        (lambda: unit_length(correlated(1500, 160)), 20),
    ],
)
def test_the_objective_is_as_low_as_that_of_peers(make: Callable[[], Floats], clusters: int) -> None:
    vectors = make()
    ours = np.mean([k_means(Vectors(vectors), clusters, IDS[:1500], seed).squared_distances.sum() for seed in range(4)])
    faiss_finds = np.mean([by_faiss(vectors, clusters, seed) for seed in range(4)])
    scikit_finds = np.mean([KMeans(clusters, n_init=1, random_state=seed).fit(vectors).inertia_ for seed in range(4)])
    assert ours < 1.02 * faiss_finds
    assert ours < 1.02 * scikit_finds


def test_more_clusters_than_draws_are_chosen_among() -> None:
    """The start that does not choose among draws is k-means++ too: better than random centres."""
    vectors, clusters = correlated(3000, 12), MOST_GREEDY + 8
    ours = [k_means(Vectors(vectors), clusters, IDS[:3000], seed).squared_distances.sum() for seed in range(2)]
    assert np.mean(ours) < 1.02 * np.mean([by_faiss(vectors, clusters, seed) for seed in range(2)])


def test_the_result_is_each_points_nearest_centre() -> None:
    vectors = blobs(3000, 20, 150)
    found = k_means(Vectors(vectors), 25, IDS[:3000], 0)
    distances = cdist(vectors, found.centres, "sqeuclidean")
    assert found.assignment.tolist() == distances.argmin(axis=1).tolist()
    np.testing.assert_allclose(found.squared_distances, distances.min(axis=1), rtol=1e-4)
    assert len(np.unique(found.assignment)) == 25


def test_the_first_of_equally_near_centres() -> None:
    centres = np.float32([[9, 9], [0, 1], [0, -1], [0, 1]])
    assert assign(Vectors(np.zeros((3, 2), np.float32)), centres).assignment.tolist() == [1, 1, 1]


@pytest.mark.parametrize("width", [5, 120])
def test_as_many_clusters_as_points(width: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(40, width)).astype(np.float32)
    found = k_means(Vectors(vectors), 40, IDS[:40], 0)
    assert sorted(found.assignment.tolist()) == list(range(40))
    assert found.squared_distances.max() < 1e-4


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from([2, 100]))
def test_copies(seed: int, size: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    kind = generator.integers(0, 4, size)
    vectors = generator.integers(-3, 4, (4, width)).astype(np.float32)[kind]
    clusters = int(generator.integers(1, size + 1))
    found = k_means(Vectors(vectors), clusters, IDS[:size], seed)
    kinds = len(np.unique(vectors, axis=0))
    if clusters >= kinds:
        assert found.squared_distances.max() <= 1e-3 * max(1, float((vectors**2).sum(axis=1).max()))
    picks = picks_of_clusters(found, IDS[:size], clusters)
    assert len(set(picks.rows.tolist())) == clusters
    assert picks.represents is not None and picks.represents.sum() == size


def test_large_pools_are_clustered_on_a_sample() -> None:
    """Of 4000 points 400 decide, and the ids say which: other ids, other clusters."""
    vectors = blobs(4000, 10, 8)
    found = k_means(Vectors(vectors), 10, IDS[:4000], 0, points_per_cluster=40)
    others = k_means(Vectors(vectors), 10, np.char.add("x", IDS[:4000]), 0, points_per_cluster=40)
    assert not np.array_equal(found.centres, others.centres)
    assert len(found.assignment) == 4000
    exact = KMeans(10, n_init=1, random_state=0).fit(vectors).inertia_
    assert found.squared_distances.sum() < 1.1 * exact


def test_other_points_take_part_but_are_not_in_the_result() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    others = vectors[:100] + np.float32(20)
    found = k_means(Vectors(vectors), 2, IDS[:300], 0, also=Vectors(others))
    assert len(found.assignment) == 300 and set(found.assignment.tolist()) in ({0}, {1})
    middles = sorted(found.centres.mean(axis=1).tolist())
    assert middles[0] == pytest.approx(0, abs=0.2) and middles[1] == pytest.approx(20, abs=0.2)


@pytest.mark.parametrize(("clusters", "width"), [(30, 160), (700, 12), (50, 40)])
def test_threads_of_the_caller_do_not_matter(clusters: int, width: int) -> None:
    """On its own faiss finds other clusters with another number of threads."""
    vectors = correlated(3000, width)
    before = faiss.omp_get_max_threads()
    found = []
    for threads in (1, 2, 4):
        faiss.omp_set_num_threads(threads)
        found.append(k_means(Vectors(vectors), clusters, IDS[:3000], 0).centres)
        assert faiss.omp_get_max_threads() == threads
    faiss.omp_set_num_threads(before)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_clusters_depend_on_the_data_and_the_seed_alone() -> None:
    vectors = correlated(1200, 100)
    first, again, other = (k_means(Vectors(vectors), 30, IDS[:1200], seed) for seed in (1, 1, 2))
    assert np.array_equal(first.centres, again.centres)
    assert np.array_equal(first.squared_distances, again.squared_distances)
    assert not np.array_equal(first.centres, other.centres)


def test_picks_are_the_nearest_members_of_the_largest_clusters_first() -> None:
    vectors = blobs(500, 12, 6)
    found = k_means(Vectors(vectors), 12, IDS[:500], 0)
    picks = picks_of_clusters(found, IDS[:500], 12)
    assert picks.clusters is not None and picks.represents is not None
    sizes = np.bincount(found.assignment)
    assert picks.represents.tolist() == sorted(sizes.tolist(), reverse=True)
    for rank, row in enumerate(picks.rows.tolist()):
        members = np.flatnonzero(found.assignment == found.assignment[row])
        assert row == members[found.squared_distances[members].argmin()]
        assert len(members) == picks.represents[rank] and picks.clusters[rank] == rank
        assert picks.scores[rank] == pytest.approx(-np.sqrt(found.squared_distances[row]))


def test_empty_clusters_are_made_up_for_by_the_farthest_members() -> None:
    found = Clusters(
        np.zeros((5, 1), np.float32),
        np.array([1, 1, 1, 1, 3, 3]),
        np.float32([1, 5, 2, 9, 4, 3]),
    )
    picks = picks_of_clusters(found, IDS[:6], 5)
    assert picks.rows.tolist() == [0, 5, 3, 1, 4]
    assert picks.clusters is not None and picks.represents is not None
    assert picks.clusters.tolist() == [0, 1, 0, 0, 1]
    assert picks.represents.tolist() == [2, 1, 1, 1, 1]
    assert picks.reasons[0] == "nearest to the centre of cluster 0, of 2 samples"
    assert picks.reasons[2] == "far from the centre of cluster 0"


def test_matrices_are_taken_as_vectors() -> None:
    vectors = blobs(100, 5, 4)
    first = cluster_picks(vectors, IDS[:100], 5, (0, "test"))
    second = cluster_picks(Vectors(vectors), IDS[:100], 5, (0, "test"))
    assert first.rows.tolist() == second.rows.tolist()
