"""k-means picks: one from each blob, the sample nearest to the mean of its cluster."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.select import Candidates, select_batch

GENERATOR = np.random.default_rng(0)
KIND = GENERATOR.permutation(np.repeat(np.arange(8), [60, 50, 45, 40, 35, 30, 25, 15]))
IDS = np.array([f"{row:03}" for row in range(300)])
BLOBS = (np.eye(8, 20)[KIND] + GENERATOR.normal(size=(300, 20)) / 30) * GENERATOR.uniform(0.5, 9, (300, 1))


def unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return result


@pytest.mark.parametrize("seed", range(3))
def test_the_sample_nearest_to_the_middle_of_each_blob(seed: int) -> None:
    selection = select_batch("kmeans", Candidates(IDS, features=BLOBS.astype(np.float32)), 8, seed)
    rows = selection.ids.astype(int)
    vectors = unit(BLOBS)
    assert sorted(KIND[rows]) == list(range(8))
    for rank, row in enumerate(rows):
        members = np.flatnonzero(KIND[row] == KIND)
        distances = np.linalg.norm(vectors[members] - vectors[members].mean(axis=0), axis=1)
        assert row == members[distances.argmin()]
        assert selection.scores[rank] == pytest.approx(-distances.min(), rel=1e-3)
    assert selection.represents.tolist() == [60, 50, 45, 40, 35, 30, 25, 15]
    assert selection.clusters.tolist() == list(range(8))
    assert selection.reasons[2] == "nearest to the centre of cluster 2, of 45 samples"


def test_length_does_not_matter() -> None:
    first = select_batch("kmeans", Candidates(IDS, features=BLOBS), 8, 1)
    scaled = select_batch("kmeans", Candidates(IDS, features=BLOBS * 2.0 ** (KIND[:, None] - 4)), 8, 1)
    assert first.ids.tolist() == scaled.ids.tolist()


def test_seed_and_cycle_decide_the_start(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(300, width=10)
    picks = [
        tuple(select_batch("kmeans", replace(pool, cycle=cycle), 20, seed).ids)
        for seed, cycle in ((0, 0), (0, 1), (1, 0))
    ]
    assert len(set(picks)) == 3


def test_fewer_kinds_than_picks() -> None:
    """Three kinds of 40 copies: one pick of each, and then copies."""
    kind = np.arange(120) % 3
    pool = Candidates(IDS[:120], features=np.eye(3, 6, dtype=np.float32)[kind])
    selection = select_batch("kmeans", pool, 10, 0)
    rows = selection.ids.astype(int)
    assert sorted(kind[rows[:3]]) == [0, 1, 2]
    assert len(set(rows.tolist())) == 10
    assert selection.represents.sum() == 120
