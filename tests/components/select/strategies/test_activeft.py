"""ActiveFT against its objective written out densely, with torch's gradients."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.centroid_repulsion import descend, repulsion_of_frozen
from labelcycle.components.select.centroids import frozen_centroids, start_rows
from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.strategies.activeft import Cover


def unit(count: int, width: int = 6, seed: int = 0) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


def textbook(
    features: torch.Tensor, free: torch.Tensor, still: torch.Tensor, temperature: float, balance: float
) -> Any:
    """-mean log(e^s / (e^s + λ Σ e^⟨c', c⟩/τ)) with every similarity in memory."""
    centroids = torch.cat([torch.nn.functional.normalize(free), still])
    similarities = features @ centroids.T / temperature
    positive, number = torch.exp(similarities).max(dim=1)
    crowd = torch.exp(centroids @ centroids.T / temperature).sum(dim=1)
    return -torch.log(positive / (positive + balance * crowd[number])).mean()


@pytest.mark.parametrize("labelled", [0, 5])
@pytest.mark.parametrize("rows", [None, np.arange(0, 5000, 7)])
@pytest.mark.parametrize(("temperature", "balance"), [(0.07, 1.0), (0.5, 0.3)])
def test_objective_and_gradient_are_the_textbook_s(
    labelled: int, rows: np.ndarray | None, temperature: float, balance: float
) -> None:
    features, free, still = unit(5000), unit(9, seed=1), unit(labelled, seed=2)
    vectors = Vectors(features)
    frozen = frozen_centroids(vectors, still)
    cover = Cover(vectors, frozen, temperature, balance, repulsion_of_frozen(still, temperature))
    value, gradient = cover.value_and_gradient(free, rows)
    moving = torch.from_numpy(free).double().requires_grad_()
    used = torch.from_numpy(features if rows is None else features[rows]).double()
    expected = textbook(used, moving, torch.from_numpy(still).double(), temperature, balance)
    (slope,) = torch.autograd.grad(expected, moving)
    assert value == pytest.approx(expected.item(), rel=1e-5)
    tangential = gradient - (gradient * free).sum(axis=1, keepdims=True) * free
    np.testing.assert_allclose(tangential, slope, atol=2e-5 * float(slope.abs().max()) + 1e-7)


def clusters(sizes: list[int], width: int = 8, seed: int = 0) -> Candidates:
    """Well-separated directions, so many samples each, in the order of the sizes."""
    generator = np.random.default_rng(seed)
    centres = np.eye(len(sizes), width) * 5
    features = np.concatenate(
        [centre + generator.normal(0, 0.3, (size, width)) for centre, size in zip(centres, sizes, strict=True)]
    )
    ids = np.array([f"{number:05}" for number in range(len(features))])
    return Candidates(ids, features.astype(np.float16))


def cluster_of(selection: Any, sizes: list[int]) -> list[int]:
    return np.searchsorted(np.cumsum(sizes), selection.ids.astype(int), side="right").tolist()


def test_centroids_spread_over_clusters_and_the_largest_come_first() -> None:
    sizes = [100, 300, 200]
    pool = clusters(sizes)
    selection = select_batch("activeft", pool, 12, 0, iterations=200, learning_rate=0.02)
    assert set(cluster_of(selection, sizes)) == {0, 1, 2}
    assert selection.represents.sum() == 600
    assert (np.diff(selection.represents) <= 0).all()
    assert selection.scores.tolist() == selection.represents.tolist()
    assert selection.clusters.tolist() == list(range(12))
    assert selection.reasons[0].startswith(f"stands for {selection.represents[0]} samples, cosine 0.")


def test_moving_lowers_the_objective() -> None:
    pool = clusters([200, 100, 50, 20])
    assert pool.features is not None
    vectors = Vectors(pool.features, unit_length)
    cover = Cover(vectors, frozen_centroids(vectors, unit(0, 8)), 0.07, 1.0, np.zeros(0))

    def value(iterations: int) -> float:
        start = vectors.read(start_rows(pool.ids, 8, 0))
        centroids = descend(start, lambda unit: cover.value_and_gradient(unit, None), iterations, 0.01)
        return cover.value_and_gradient(centroids, None)[0]

    assert value(100) < value(10) < value(0)


def test_in_mode_al_labelled_samples_stand_for_what_is_near_them() -> None:
    sizes = [100, 150]
    pool = clusters(sizes)
    assert pool.features is not None
    pool = replace(pool, labelled_features=pool.features[:60])
    before, after = (select_batch("activeft", pool, 4, 0, mode=mode, iterations=50) for mode in ("pre", "al"))
    assert before.represents.sum() == 250
    assert 150 <= after.represents.sum() < 200
    assert before.ids.tolist() != after.ids.tolist()


def test_mode_al_without_labels_is_mode_pre() -> None:
    pool = clusters([30, 20])
    assert pool.features is not None
    first = select_batch("activeft", pool, 5, 0, iterations=5)
    for labelled in (None, pool.features[:0]):
        second = select_batch("activeft", replace(pool, labelled_features=labelled), 5, 0, mode="al", iterations=5)
        assert second.ids.tolist() == first.ids.tolist()


def test_seed_and_cycle_matter() -> None:
    pool = clusters([300])
    picks = {
        tuple(select_batch("activeft", replace(pool, cycle=cycle), 9, seed, iterations=2).ids)
        for cycle in (0, 1)
        for seed in (0, 1)
    }
    assert len(picks) == 4


def test_larger_pools_are_sampled_and_take_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = clusters([300])
    asked: list[int | None] = []
    exact = Cover.value_and_gradient

    def count(cover: Cover, centroids: np.ndarray, rows: np.ndarray | None) -> Any:
        asked.append(None if rows is None else len(rows))
        return exact(cover, centroids, rows)

    monkeypatch.setattr(Cover, "value_and_gradient", count)
    select_batch("activeft", pool, 3, 0)
    select_batch("activeft", pool, 3, 0, sample=200)
    select_batch("activeft", pool, 3, 0, sample=200, iterations=7)
    assert asked == [None] * 300 + [200] * 107


def test_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = clusters([5000, 100])
    one = select_batch("activeft", pool, 20, 0, iterations=4)
    monkeypatch.setattr("labelcycle.components.core.features.blocks.cores", lambda: 3)
    three = select_batch("activeft", pool, 20, 0, iterations=4)
    assert one.ids.tolist() == three.ids.tolist()
    assert one.reasons == three.reasons


@pytest.mark.parametrize(
    "features",
    [np.zeros((9, 3)), np.ones((9, 3)), np.repeat(np.eye(3), 3, axis=0), np.full((9, 3), 6e4)],
    ids=["zeros", "constant", "duplicates", "large"],
)
@pytest.mark.parametrize("budget", [1, 4, 9])
@pytest.mark.parametrize("mode", ["pre", "al"])
def test_degenerate_pools(features: np.ndarray, budget: int, mode: str) -> None:
    ids = np.array(list("abcdefghi"))
    pool = Candidates(ids, features.astype(np.float16), labelled_features=features[:1].astype(np.float16))
    selection = select_batch("activeft", pool, budget, 0, mode=mode, iterations=5)
    assert len(set(selection.ids)) == budget
    assert selection.represents.min() >= 1


def test_labels_at_one_point_leave_others_to_the_picks() -> None:
    pool = Candidates(np.array(["a", "b"]), np.eye(2), labelled_features=np.eye(2)[:1])
    assert select_batch("activeft", pool, 2, 0, mode="al", iterations=0).represents.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mode": "post"}, "mode must be 'pre' or 'al'; got 'post'"),
        ({"temperature": 0}, "temperature must be a number above 0; got 0"),
        ({"temperature": float("nan")}, "temperature must be a number above 0; got nan"),
        ({"balance": -1}, "balance must be a number above 0"),
        ({"learning_rate": 0}, "learning_rate must be a number above 0"),
        ({"iterations": -1}, "iterations must be a number of at least 0; got -1"),
        ({"sample": 0}, "sample must be a number of at least 1; got 0"),
    ],
)
def test_parameters_out_of_range(
    parameters: dict[str, Any], message: str, make_pool: Callable[..., Candidates]
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        select_batch("activeft", make_pool(10), 3, 0, **parameters)
