"""Moving centroids: pull, crowding and Adam against dense forms and torch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from labelcycle.components.select import block_stream
from labelcycle.components.select.centroids import (
    assign_to_centroids,
    crowd_of,
    crowd_of_frozen,
    descend,
    drawn_by_weight,
    drawn_rows,
    frozen_centroids,
    pull_of_samples,
    ready_for_steps,
    start_rows,
)
from labelcycle.components.select.points import Vectors, unit_length


def unit(count: int, width: int = 5, seed: int = 0) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 rows a block and 2 blocks at once, so that a few hundred samples make many."""
    monkeypatch.setattr(block_stream, "BLOCK_ROWS", 64)


@pytest.mark.usefixtures("small_blocks")
def test_samples_go_to_the_most_similar_centroid() -> None:
    samples, centroids = unit(500), unit(7, seed=1)
    found = assign_to_centroids(Vectors(samples), centroids)
    cosines = samples @ centroids.T
    assert found.nearest.tolist() == cosines.argmax(axis=1).tolist()
    np.testing.assert_allclose(found.cosines, cosines.max(axis=1), atol=1e-6)


def test_without_centroids_nothing_is_similar() -> None:
    assert assign_to_centroids(Vectors(unit(3)), unit(0)).cosines.tolist() == [-2, -2, -2]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("rows", [None, np.arange(3, 480, 2)])
def test_pull_is_the_weighted_sum_of_the_samples_of_each_centroid(rows: np.ndarray | None) -> None:
    samples, free, still = unit(500), unit(7, seed=1), unit(4, seed=2)
    frozen = frozen_centroids(Vectors(samples), still)
    given = np.random.default_rng(3).random(500)
    pull = pull_of_samples(
        Vectors(samples), rows, free, lambda rows, numbers, cosines: (numbers * cosines, given[rows]), frozen
    )
    used = np.arange(500) if rows is None else rows
    cosines = samples[used] @ np.concatenate([free, still]).T
    numbers = cosines.argmax(axis=1)
    assert len(set(numbers)) > 8
    sums, weights = np.zeros((7, 5)), np.zeros(11)
    for row, number in zip(used, numbers, strict=True):
        weights[number] += given[row]
        if number < 7:
            sums[number] += given[row] * samples[row]
    np.testing.assert_allclose(pull.sums, sums, atol=1e-5)
    np.testing.assert_allclose(pull.weights, weights, atol=1e-9)
    assert pull.value == pytest.approx((numbers * cosines.max(axis=1)).sum(), rel=1e-5)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("itself", [True, False])
@pytest.mark.parametrize("frozen_count", [0, 90])
def test_crowding_and_its_gradient_are_those_of_torch(itself: bool, frozen_count: int) -> None:
    free, still, temperature = unit(70), unit(frozen_count, seed=1), 0.3
    weights = np.random.default_rng(2).random(70 + frozen_count)
    crowd = crowd_of(free, still, crowd_of_frozen(still, temperature), temperature, itself)
    moving = torch.from_numpy(free).double().requires_grad_()
    everything = torch.cat([moving, torch.from_numpy(still).double()])
    pairs = everything @ everything.T / temperature
    if not itself:
        own = torch.eye(len(pairs), dtype=torch.bool)
        own[70:] = False
        pairs = pairs.masked_fill(own, -torch.inf)
    logarithms = torch.logsumexp(pairs, dim=1)
    np.testing.assert_allclose(crowd.logarithms, logarithms.detach(), atol=1e-5)
    (gradient,) = torch.autograd.grad((torch.from_numpy(weights) * logarithms).sum(), moving)
    np.testing.assert_allclose(crowd.gradient(weights), gradient, atol=1e-4)


def test_descent_is_that_of_adam_on_normalised_centroids() -> None:
    start, targets = unit(4) * 3, torch.from_numpy(unit(4, seed=1)).double()
    raw = torch.from_numpy(start).double().requires_grad_()
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(40):
        optimiser.zero_grad()
        (-((torch.nn.functional.normalize(raw) * targets).sum() ** 3)).backward()
        optimiser.step()

    def objective(centroids: np.ndarray) -> tuple[float, np.ndarray]:
        total = float((centroids * targets.numpy()).sum())
        return -(total**3), -3 * total**2 * targets.numpy()

    found = descend(start, objective, 40, 0.05)
    np.testing.assert_allclose(found, torch.nn.functional.normalize(raw).detach(), atol=1e-4)


def test_descent_ends_when_the_objective_stays() -> None:
    asked = []

    def flat(centroids: np.ndarray) -> tuple[float, np.ndarray]:
        asked.append(centroids)
        return 1.0, np.zeros_like(centroids, dtype=np.float64)

    descend(unit(2), flat, 100, 0.1, tolerance=1e-9)
    assert len(asked) == 50
    descend(unit(2), flat, 100, 0.1)
    assert len(asked) == 150


def test_centroids_of_length_zero_may_move() -> None:
    found = descend(np.zeros((2, 3), np.float32), lambda unit: (0.0, np.array([[1.0, 0, 0], [0, 0, 0]])), 3, 0.1)
    np.testing.assert_allclose(found, [[-1, 0, 0], [0, 0, 0]], atol=1e-6)


def test_starts_belong_to_the_ids() -> None:
    ids = np.array([f"{number:02}" for number in range(50)])
    rows = start_rows(ids, 10, 3, "name")
    assert len(set(rows)) == 10
    later = start_rows(np.concatenate([["-"], ids]), 51, 3, "name")
    assert [row - 1 for row in later if row][:10] == rows.tolist()
    assert start_rows(ids, 10, 4, "name").tolist() != rows.tolist()


def test_steps_draw_distinct_rows_only_from_larger_pools() -> None:
    generator = np.random.default_rng(0)
    assert drawn_rows(100, 100, generator) is None
    first, second = drawn_rows(100, 30, generator), drawn_rows(100, 30, generator)
    assert first is not None and second is not None
    assert len(set(first)) == 30 and (np.diff(first) > 0).all() and first.max() < 100
    assert first.tolist() != second.tolist()


def test_draws_by_weight_fall_on_each_sample_as_often_as_its_share() -> None:
    generator = np.random.default_rng(0)
    weights = generator.exponential(size=50) * (np.arange(50) % 5 > 0)
    shares = np.zeros((400, 50))
    for draws in shares:
        rows, drawn = drawn_by_weight(weights.cumsum(), 20, generator)
        assert (np.diff(rows) > 0).all() and (weights[rows] > 0).all()
        assert drawn.sum() == pytest.approx(1)
        draws[rows] = drawn
    expected = weights / weights.sum()
    np.testing.assert_allclose(shares.mean(axis=0), expected, atol=0.006)
    assert (np.abs(shares - expected) < 2 / 20 + 1e-9).all()


def test_draws_by_weight_reach_the_last_sample_and_no_farther() -> None:
    generator = np.random.default_rng(0)
    assert drawn_by_weight(np.array([3.0]), 4, generator)[0].tolist() == [0]
    rows, shares = drawn_by_weight(np.array([0.0, 0.0, 1.0, 2.0]), 1000, generator)
    assert rows.tolist() == [2, 3]
    np.testing.assert_allclose(shares, [1 / 2, 1 / 2], atol=2e-3)


def test_small_pools_are_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []

    def prepare(block: np.ndarray) -> np.ndarray:
        reads.append(len(block))
        return unit_length(block)

    vectors = Vectors(np.ones((10, 4), np.float16), prepare)
    held = ready_for_steps(vectors, 10)
    assert np.array_equal(held.read(slice(2, 5)), vectors.read(slice(2, 5)))
    assert reads == [10, 3]
    assert ready_for_steps(vectors, 9) is vectors
    monkeypatch.setattr("labelcycle.components.select.centroids.HELD_NUMBERS", 39)
    assert ready_for_steps(vectors, 10) is vectors


@pytest.mark.usefixtures("small_blocks")
def test_pull_does_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def pull() -> Callable[..., None]:
        return pull_of_samples(
            Vectors(unit(500)), None, unit(9, seed=1), lambda rows, numbers, cosines: (cosines, cosines)
        )

    one = pull()
    monkeypatch.setattr("labelcycle.components.core.blocks.cores", lambda: 4)
    four = pull()
    assert np.array_equal(one.sums, four.sums) and one.value == four.value
