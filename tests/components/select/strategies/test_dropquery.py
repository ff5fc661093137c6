"""DropQuery: its rule for candidates by hand, what fills up, and clusters of the normalised features."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.models.dropout import disagreements
from labelcycle.components.select import Candidates, Picks, select_batch
from labelcycle.components.select.points import Vectors
from labelcycle.components.select.strategies import dropquery as module


@pytest.fixture
def clustered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], npt.NDArray[np.float32]]]:
    """What is clustered: ids and vectors of each call."""
    calls: list[tuple[list[str], npt.NDArray[np.float32]]] = []
    original = module.cluster_picks

    def watched(vectors: Vectors, ids: npt.NDArray[np.str_], budget: int, key: tuple[object, ...]) -> Picks:
        calls.append((ids.tolist(), vectors.read(slice(None))))
        return original(vectors, ids, budget, key)

    monkeypatch.setattr(module, "cluster_picks", watched)
    return calls


def pool_with(make: Callable[..., Candidates], counts: list[int], kind: Any = np.int32) -> Candidates:
    pool = make(len(counts))
    order = np.argsort(pool.ids)
    given = np.empty(len(counts), kind)
    given[order] = counts
    return replace(pool, disagreements=given)


def candidates_by_hand(counts: list[int], passes: int, budget: int) -> list[int]:
    """The least number of disagreements, from M // 2 + 1 down to 1, that makes 25 · budget candidates; else 1."""
    for least in range(passes // 2 + 1, 0, -1):
        rows = [row for row, count in enumerate(counts) if count >= least]
        if len(rows) >= 25 * budget:
            break
    return rows


@pytest.mark.parametrize("passes", [3, 4, 5])
@pytest.mark.parametrize("budget", [1, 2, 4, 9])
def test_the_rule_for_candidates(
    passes: int, budget: int, complete_pool: Callable[..., Candidates], clustered: list[Any]
) -> None:
    counts = np.random.default_rng(budget).choice([0, 1, 2, 3], 150, p=[0.4, 0.25, 0.2, 0.15]).tolist()
    pool = pool_with(complete_pool, counts)
    selection = select_batch("dropquery", pool, budget, 0, passes=passes)
    wanted = np.sort(pool.ids)[candidates_by_hand(counts, passes, budget)].tolist()
    assert clustered[0][0] == wanted
    assert set(selection.ids) <= set(wanted)
    number = dict(zip(np.sort(pool.ids).tolist(), counts, strict=True))
    assert selection.scores.tolist() == [number[name] for name in selection.ids]
    assert selection.reasons[0].startswith(f"{number[selection.ids[0]]} of {passes} passes disagree; nearest to")


def test_many_candidates_need_no_relaxation(complete_pool: Callable[..., Candidates], clustered: list[Any]) -> None:
    counts = [2] * 50 + [1] * 50
    pool = pool_with(complete_pool, counts)
    select_batch("dropquery", pool, 2, 0)
    select_batch("dropquery", pool, 3, 0)
    assert [len(ids) for ids, _ in clustered] == [50, 100]
    assert clustered[0][0] == np.sort(pool.ids)[:50].tolist()


@pytest.mark.parametrize("passes", [1, 3, 5])
def test_samples_without_disagreement_are_no_candidates(
    passes: int, complete_pool: Callable[..., Candidates], clustered: list[Any]
) -> None:
    """Half of an odd number of passes is no whole number, so that steps of 1 down from it miss 0."""
    counts = [1] * 10 + [0] * 90
    pool = pool_with(complete_pool, counts)
    selection = select_batch("dropquery", pool, 5, 0, passes=passes)
    assert clustered[0][0] == np.sort(pool.ids)[:10].tolist()
    assert set(selection.ids) <= set(clustered[0][0])


@pytest.mark.parametrize("kind", [np.int32, np.uint8, np.int64])
def test_missing_candidates_are_filled_by_disagreement_then_margin(
    kind: Any, complete_pool: Callable[..., Candidates], clustered: list[Any]
) -> None:
    """Of 4 passes none less than one counts, so 3 candidates of 2 to 4 are too few for 12 picks."""
    counts = [4, 0, 0, 1, 2] + [0] * 45
    pool = pool_with(complete_pool, counts, kind)
    ordered = np.sort(pool.ids)
    assert pool.head is not None and pool.features is not None
    probs = np.sort(pool.head.probabilities(pool.features[np.argsort(pool.ids)]), axis=1)
    margins = probs[:, -1] - probs[:, -2]
    quiet = sorted((row for row, count in enumerate(counts) if not count), key=lambda row: margins[row])
    selection = select_batch("dropquery", pool, 12, 0, passes=4)
    assert sorted(selection.ids) == sorted(ordered[[0, 3, 4, *quiet[:9]]])
    assert clustered[0][0] == sorted(selection.ids)


def test_or_filled_at_random(complete_pool: Callable[..., Candidates]) -> None:
    counts = [4, 0, 0, 1, 2] + [0] * 45
    pool = pool_with(complete_pool, counts)
    ordered = np.sort(pool.ids)
    quiet = ordered[np.array(counts) == 0]
    drawn = quiet[np.argsort(keyed_order(quiet, 7, 3, "dropquery fill"))][:9]
    selection = select_batch("dropquery", replace(pool, cycle=3), 12, 7, passes=4, fill="random")
    assert sorted(selection.ids) == sorted([*ordered[[0, 3, 4]], *drawn])


@pytest.mark.parametrize(("passes", "rate"), [(3, 0.75), (6, 0.2)])
def test_given_disagreements_are_those_it_would_compute(
    passes: int, rate: float, complete_pool: Callable[..., Candidates]
) -> None:
    pool = replace(complete_pool(200, width=24), cycle=4)
    assert pool.head is not None and pool.features is not None
    counts = disagreements(pool.head, pool.features, pool.ids, 9, 4, passes, rate)
    assert len(set(counts.tolist())) > 2
    computed, given = (
        select_batch("dropquery", asked, 3, 9, passes=passes, rate=rate)
        for asked in (pool, replace(pool, disagreements=counts))
    )
    assert computed.ids.tolist() == given.ids.tolist()
    assert computed.scores.tolist() == given.scores.tolist()


def test_clusters_are_made_of_normalised_features_of_length_one(
    complete_pool: Callable[..., Candidates], clustered: list[Any]
) -> None:
    pool = complete_pool(40, width=6)
    select_batch("dropquery", pool, 40, 0)
    head = pool.head
    assert head is not None and pool.features is not None
    features = pool.features[np.argsort(pool.ids)].astype(np.float64)
    normalised = (features - head.running_mean) / np.sqrt(head.running_var + 1e-5) * head.scale + head.shift
    normalised /= np.linalg.norm(normalised, axis=1, keepdims=True)
    np.testing.assert_allclose(clustered[0][1], normalised, atol=1e-5)


def test_what_it_refuses(complete_pool: Callable[..., Candidates]) -> None:
    pool = pool_with(complete_pool, [5] + [0] * 19)
    with pytest.raises(ConfigurationError, match="Up to 5 passes disagree, but passes is 3. Give the number"):
        select_batch("dropquery", pool, 3, 0)
    with pytest.raises(ConfigurationError, match="fill is 'disagreement' or 'random'; got 'margin'"):
        select_batch("dropquery", pool, 3, 0, passes=5, fill="margin")
    unknown = replace(pool, disagreements=None)
    with pytest.raises(ConfigurationError, match="at least 1 pass; got 0"):
        select_batch("dropquery", unknown, 3, 0, passes=0)
    with pytest.raises(ConfigurationError, match="dropout rate is a share"):
        select_batch("dropquery", unknown, 3, 0, rate=1.0)
