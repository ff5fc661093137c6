"""VeCAF's data selection against the printed objective, with torch's gradients."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.embedding_augmentation import augment_embeddings, fit_text_map
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.strategies import vecaf_ods as module
from labelcycle.components.select.strategies.vecaf_ods import VecafSelection, embeddings_of, shares_of


def unit(count: int, width: int = 6, seed: int = 0) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


def equation_7(embeddings: torch.Tensor, centroids: torch.Tensor, losses: torch.Tensor, balance: float) -> torch.Tensor:
    """The equation, sum by sum."""
    unit_centroids = torch.nn.functional.normalize(centroids)
    shares = losses / losses.sum()
    value = -(shares * (embeddings @ unit_centroids.T).max(dim=1).values).sum()
    for k in range(len(centroids)):
        others = [torch.exp(unit_centroids[k] @ unit_centroids[j]) for j in range(len(centroids)) if j != k]
        if others:
            value = value + balance * torch.log(torch.stack(others).sum())
    return value


@pytest.mark.parametrize("count", [1, 2, 9])
@pytest.mark.parametrize("balance", [0.0, 0.01, 1.0])
def test_objective_and_gradient_are_those_of_equation_7(count: int, balance: float) -> None:
    embeddings, centroids = unit(3000), unit(count, seed=1)
    losses = np.random.default_rng(2).exponential(size=3000)
    value, gradient = VecafSelection(Vectors(embeddings), shares_of(losses), balance).value_and_gradient(centroids)
    moving = torch.from_numpy(centroids).double().requires_grad_()
    expected = equation_7(torch.from_numpy(embeddings).double(), moving, torch.from_numpy(losses), balance)
    (slope,) = torch.autograd.grad(expected, moving)
    assert value == pytest.approx(expected.item(), rel=1e-5)
    tangential = gradient - (gradient * centroids).sum(axis=1, keepdims=True) * centroids
    np.testing.assert_allclose(tangential, slope, atol=2e-6)


def test_doubling_a_loss_increases_the_pull_towards_the_sample() -> None:
    embeddings, centroids = unit(200), unit(5, seed=1)
    losses = np.random.default_rng(2).exponential(size=200)
    row = 17
    nearest = int((embeddings[row] @ centroids.T).argmax())

    def pull(losses: np.ndarray) -> float:
        _, gradient = VecafSelection(Vectors(embeddings), shares_of(losses), 0.01).value_and_gradient(centroids)
        away = embeddings[row] - (embeddings[row] @ centroids[nearest]) * centroids[nearest]
        return float(-gradient[nearest] @ away)

    doubled = losses.copy()
    doubled[row] *= 2
    assert pull(doubled) > pull(losses)


def two_clusters(losses: list[float], size: int = 200) -> Candidates:
    generator = np.random.default_rng(0)
    centres = np.eye(2, 8) * 4
    features = np.concatenate([centre + generator.normal(0, 1, (size, 8)) for centre in centres]).astype(np.float16)
    ids = np.array([f"{number:04}" for number in range(2 * size)])
    return Candidates(ids, features, losses=np.repeat(losses, size))


def test_samples_of_large_loss_decide_where_centroids_go() -> None:
    parameters = {"iterations": 150, "learning_rate": 0.02, "members": 1}
    first, second = (
        np.mean(
            [
                np.mean(select_batch("vecaf_ods", two_clusters(losses), 12, seed, **parameters).ids.astype(int) >= 200)
                for seed in range(6)
            ]
        )
        for losses in ([1.0, 0.0], [0.0, 1.0])
    )
    assert second > first + 0.1


def test_reasons_scores_and_shares() -> None:
    selection = select_batch("vecaf_ods", two_clusters([0.0, 3.0]), 6, 0, iterations=10, members=2)
    assert selection.represents.sum() == 400
    assert selection.scores.sum() == pytest.approx(1)
    assert (np.diff(selection.scores) <= 0).all()
    assert selection.clusters.tolist() == list(range(6))
    assert selection.reasons[0].startswith(f"stands for {selection.represents[0]} samples with ")
    assert f"{selection.scores[0]:.2%} of the loss" in selection.reasons[0]


def test_losses_count_in_proportion_whatever_their_unit() -> None:
    pool = two_clusters([1.0, 2.0])
    assert pool.losses is not None
    first = select_batch("vecaf_ods", pool, 6, 0, iterations=10, members=2)
    second = select_batch("vecaf_ods", replace(pool, losses=pool.losses * 1024), 6, 0, iterations=10, members=2)
    assert first.ids.tolist() == second.ids.tolist()
    assert shares_of(np.zeros(4)).tolist() == [0.25] * 4
    assert shares_of(np.array([1e300, 3e300])).tolist() == [0.25, 0.75]


def test_members_start_apart_and_only_debiasing_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = two_clusters([1.0, 2.0])
    starts: list[list[np.ndarray]] = []
    real = module.descend

    def spy(start: np.ndarray, *arguments: Any) -> Any:
        starts.append(np.split(start, len(start) // 6))
        return real(start, *arguments)

    monkeypatch.setattr(module, "descend", spy)
    debiased = select_batch("vecaf_ods", pool, 6, 0, iterations=20)
    assert len(starts[0]) == 5
    assert all(not np.array_equal(starts[0][0], start) for start in starts[0][1:])
    plain = select_batch("vecaf_ods", pool, 6, 0, iterations=20, debias=False)
    alone = select_batch("vecaf_ods", pool, 6, 0, iterations=20, members=1)
    assert [len(start) for start in starts[1:]] == [1, 1]
    assert plain.ids.tolist() == alone.ids.tolist() != debiased.ids.tolist()


@pytest.mark.parametrize("width", [8, 5])
def test_texts_move_the_embeddings_before_the_selection(width: int) -> None:
    pool = two_clusters([1.0, 1.0])
    assert pool.features is not None
    texts = np.random.default_rng(3).normal(size=(400, width)).astype(np.float16)
    text_map = None if width == 8 else fit_text_map(texts, pool.features)
    expected = unit_length(augment_embeddings(pool.features, texts, 0.7, text_map))
    found = embeddings_of(pool.features, texts, 0.7)
    assert (len(found), found.width) == (400, 8)
    np.testing.assert_allclose(found.read(np.arange(5, 90)), expected[5:90], atol=1e-5)
    plain, with_texts, without = (
        select_batch("vecaf_ods", replace(pool, texts=given), 9, 0, iterations=5, members=1, text_step=step)
        for given, step in ((None, 0.5), (texts, 2.0), (texts, 0.0))
    )
    assert plain.ids.tolist() == without.ids.tolist() != with_texts.ids.tolist()


def test_larger_pools_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    exact = VecafSelection.value_and_gradient

    def count(selection: VecafSelection, centroids: np.ndarray) -> Any:
        used.append(len(selection.vectors))
        assert selection.weights.sum() == pytest.approx(1)
        return exact(selection, centroids)

    monkeypatch.setattr(VecafSelection, "value_and_gradient", count)
    pool = two_clusters([1.0, 0.0])
    select_batch("vecaf_ods", pool, 3, 0, members=2, iterations=7)
    assert len(used) == 14 and max(used) <= 96
    assert used[::2] == used[1::2]
    used.clear()
    select_batch("vecaf_ods", pool, 13, 0, members=2, iterations=7)
    assert used == [400] * 14


def test_sampled_steps_find_centroids_about_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = two_clusters([1.0, 2.0], size=2000)
    assert pool.features is not None and pool.losses is not None
    objective = VecafSelection(embeddings_of(pool.features, None, 0), shares_of(pool.losses), 1 / 4000)
    values: list[float] = []
    real = module.descend

    def spy(start: np.ndarray, *arguments: Any) -> Any:
        end = real(start, *arguments)
        values.append(objective.value_and_gradient(end)[0])
        return end

    monkeypatch.setattr(module, "descend", spy)
    for sample in (None, 4000):
        select_batch("vecaf_ods", pool, 20, 0, members=1, sample=sample)
    assert values[0] == pytest.approx(values[1], rel=0.01)


def test_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = two_clusters([1.0, 2.0], size=3000)
    one = select_batch("vecaf_ods", pool, 10, 0, iterations=3)
    monkeypatch.setattr("labelcycle.components.core.features.blocks.cores", lambda: 3)
    three = select_batch("vecaf_ods", pool, 10, 0, iterations=3)
    assert one.ids.tolist() == three.ids.tolist() and one.reasons == three.reasons


@pytest.mark.parametrize("features", [np.zeros((9, 3)), np.ones((9, 3)), np.repeat(np.eye(3), 3, axis=0)])
@pytest.mark.parametrize("budget", [1, 4, 9])
def test_degenerate_pools(features: np.ndarray, budget: int) -> None:
    for losses in (np.zeros(9), np.eye(9)[3]):
        pool = Candidates(np.array(list("abcdefghi")), features.astype(np.float16), losses=losses)
        selection = select_batch("vecaf_ods", pool, budget, 0, iterations=5)
        assert len(set(selection.ids)) == budget


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"members": 0}, "members must be a number of at least 1; got 0"),
        ({"balance": -1.0}, "balance must be a number of at least 0"),
        ({"iterations": -1}, "iterations must be a number of at least 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
        ({"shrinkage": 0.0}, "shrinkage must be a number above 0"),
        ({"text_step": float("nan")}, "text_step must be a number of at least 0; got nan"),
        ({"sample": 0}, "sample must be a number of at least 1"),
    ],
)
def test_parameters_out_of_range(
    parameters: dict[str, Any], message: str, complete_pool: Callable[..., Candidates]
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        select_batch("vecaf_ods", complete_pool(10), 3, 0, **parameters)


def picks_of(losses: np.ndarray, **parameters: Any) -> list[str]:
    ids = np.array([f"sample-{number:03d}" for number in range(len(losses))])
    pool = Candidates(ids=ids, features=unit(len(losses)), losses=losses.astype(np.float32))
    return sorted(select_batch("vecaf_ods", pool, 6, 0, members=1, learning_rate=0.02, **parameters).ids.tolist())


def test_a_loss_power_of_0_leaves_losses_out() -> None:
    losses = np.random.default_rng(4).exponential(size=90) ** 3
    assert picks_of(losses, loss_power=0.0) == picks_of(np.ones(90))
    assert picks_of(losses, loss_power=1.0) == picks_of(losses) != picks_of(losses, loss_power=0.0)


def test_the_balance_stands_beside_mean_losses_the_losses_or_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    real = VecafSelection
    monkeypatch.setattr(module, "VecafSelection", lambda *given: found.append(given[2]) or real(*given))
    losses = np.full(90, 0.25)
    for beside in ("mean", "losses", "shares"):
        picks_of(losses, balance=2.0, balance_beside=beside)
    assert found == pytest.approx([2 / 90, 2 / (90 * 0.25), 2.0])
    with pytest.raises(ConfigurationError, match="loss_power"):
        picks_of(losses, loss_power=-1.0)
