"""BAIT against the textbook form: an inverse for each candidate and each pick."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.blocks import BLOCK_ROWS
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.strategies.bait import BLOCKS_AT_ONCE
from tests.components.select.conftest import head_for

Doubles = npt.NDArray[np.float64]

GENERATOR = np.random.default_rng(0)
IDS = np.array([f"{row:04}" for row in range(500)])
HEAD = head_for(9, 4)
POOL = Candidates(
    IDS,
    features=GENERATOR.normal(size=(500, 9)).astype(np.float32),
    labelled_features=GENERATOR.normal(size=(20, 9)).astype(np.float32),
    head=HEAD,
)
FEW = Candidates(IDS[:30], features=POOL.features[:30], head=HEAD)  # type: ignore[index]


def factors(head: LinearHead, features: npt.NDArray[np.floating]) -> Doubles:
    """√(p(1 - p)) times what the linear layer sees."""
    sure = head.probabilities(features).max(axis=1).astype(np.float64)
    factor, offset = head.normalisation()
    normalised: Doubles = features.astype(np.float64) * factor + offset
    return np.sqrt(sure * (1 - sure))[:, None] * normalised


def forward_backward(
    pool: Candidates, budget: int, regularisation: float = 1.0, candidates: npt.NDArray[np.int64] | None = None
) -> tuple[list[int], list[float]]:
    assert pool.head is not None and pool.features is not None
    x = factors(pool.head, pool.features)
    of_pool = x.T @ x / len(x)
    m = regularisation * np.trace(of_pool) / len(of_pool) * np.eye(len(of_pool))
    if pool.labelled_features is not None:
        labelled = factors(pool.head, pool.labelled_features)
        m = m + labelled.T @ labelled
    ties = keyed_order(pool.ids, "ties")
    free = list(range(len(pool))) if candidates is None else candidates.tolist()
    rows: list[int] = []
    shares: list[float] = []

    def trace_with(matrices: Doubles) -> Doubles:
        return np.asarray(np.einsum("nij,ji->n", np.linalg.inv(matrices), of_pool))

    for _ in range(min(2 * budget, len(free))):
        before = trace_with(m[None])[0]
        lowered = before - trace_with(m + x[free, :, None] * x[free, None, :])
        best = [free[place] for place in np.flatnonzero(lowered >= lowered.max() * (1 - 1e-6))]
        row = min(best, key=lambda row: int(ties[row]))
        shares.append(float(lowered.max() / before))
        m = m + np.outer(x[row], x[row])
        rows.append(row)
        free.remove(row)
    kept = dict(zip(rows, shares, strict=True))
    while len(kept) > budget:
        left = list(kept)
        raised = trace_with(m - x[left, :, None] * x[left, None, :]) - trace_with(m[None])
        least = [left[place] for place in np.flatnonzero(raised <= raised.min() * (1 + 1e-6))]
        row = max(least, key=lambda row: int(ties[row]))
        m = m - np.outer(x[row], x[row])
        del kept[row]
    return list(kept), list(kept.values())


@pytest.mark.parametrize("budget", [1, 10, 60])
@pytest.mark.parametrize("regularisation", [0.01, 1, 30])
def test_picks_are_added_and_taken_back_as_in_the_textbook(budget: int, regularisation: float) -> None:
    rows, shares = forward_backward(POOL, budget, regularisation)
    selection = select_batch("bait", POOL, budget, 0, regularisation=regularisation)
    assert selection.ids.astype(int).tolist() == rows
    np.testing.assert_allclose(selection.scores, shares, rtol=1e-3)


@pytest.mark.parametrize("labelled", [None, 0, 1])
def test_few_labels_or_none(labelled: int | None) -> None:
    assert POOL.labelled_features is not None
    known = None if labelled is None else POOL.labelled_features[:labelled]
    pool = replace(POOL, labelled_features=known)
    expected = forward_backward(pool if labelled else replace(pool, labelled_features=None), 25)[0]
    assert select_batch("bait", pool, 25, 0).ids.astype(int).tolist() == expected


def test_many_coordinates_and_few_labels() -> None:
    generator = np.random.default_rng(3)
    pool = Candidates(
        IDS,
        features=generator.normal(size=(500, 40)).astype(np.float16),
        labelled_features=generator.normal(size=(10, 40)).astype(np.float16),
        head=head_for(40, 5, seed=1),
    )
    assert select_batch("bait", pool, 30, 0).ids.astype(int).tolist() == forward_backward(pool, 30)[0]


@pytest.mark.parametrize("budget", [14, 15, 16, 29, 30])
def test_twice_the_budget_is_more_than_there_is(budget: int) -> None:
    assert select_batch("bait", FEW, budget, 0).ids.astype(int).tolist() == forward_backward(FEW, budget)[0]


def test_a_larger_pool_gives_a_sample_of_candidates() -> None:
    candidates = np.sort(np.argsort(keyed_order(IDS, 0, 0, "bait candidates"))[:120])
    expected = forward_backward(POOL, 20, candidates=candidates)[0]
    assert select_batch("bait", POOL, 20, 0, candidates=120).ids.astype(int).tolist() == expected
    assert len(set(select_batch("bait", POOL, 450, 0, candidates=1).ids)) == 450


def test_given_probabilities_decide_on_the_candidates() -> None:
    assert POOL.features is not None
    probs = HEAD.probabilities(POOL.features)
    picks = [select_batch("bait", pool, 20, 0).ids.tolist() for pool in (POOL, replace(POOL, probs=probs))]
    assert picks[0] == picks[1]
    certain = probs.copy()
    certain[:400] = [1, 0, 0, 0]
    chosen = select_batch("bait", replace(POOL, probs=certain), 20, 0)
    assert (chosen.ids.astype(int) >= 400).all()


def test_the_scale_of_features_does_not_matter() -> None:
    """Batch normalisation takes it out; a linear layer alone does not, but λ follows the information."""
    assert POOL.features is not None and POOL.labelled_features is not None
    probs = HEAD.probabilities(POOL.features)
    ones, zeros = np.ones(9, np.float32), np.zeros(9, np.float32)
    picks = []
    for scale in (2.0**-10, 1.0, 2.0**10):
        head = replace(HEAD, running_mean=zeros, running_var=ones, scale=ones, shift=zeros)
        scaled = replace(
            POOL,
            features=POOL.features * np.float32(scale),
            labelled_features=POOL.labelled_features * np.float32(scale),
            probs=probs,
            head=replace(head, weight=head.weight / np.float32(scale)),
        )
        picks.append(select_batch("bait", scaled, 20, 0).ids.tolist())
    assert picks[0] == picks[1] == picks[2]


def test_a_certain_model_still_gets_its_query(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(80)
    certain = replace(pool, probs=np.eye(4, dtype=np.float32)[GENERATOR.integers(0, 4, 80)])
    for labelled in (pool.labelled_features, None):
        given = replace(certain, labelled_features=labelled, labelled_ids=None, labelled_classes=None)
        selection = select_batch("bait", given, 30, 0)
        assert len(set(selection.ids)) == 30 and (selection.scores == 0).all()


def test_copies_are_not_asked_for_twice() -> None:
    assert FEW.features is not None
    copies = Candidates(IDS[:90], features=FEW.features[np.arange(90) % 30], head=HEAD)
    rows = select_batch("bait", copies, 8, 0).ids.astype(int) % 30
    assert len(set(rows.tolist())) == 8


def test_reasons_are_in_plain_words() -> None:
    assert POOL.features is not None
    selection = select_batch("bait", POOL, 3, 0)
    sure = HEAD.probabilities(POOL.features)[int(selection.ids[0])].max()
    share = 100 * selection.scores[0]
    assert selection.reasons[0] == f"confidence {sure:.3f}; lowers the expected loss over the pool by {share:.2g} %"


def test_information_of_many_blocks_is_added_up() -> None:
    """Some directions vary most among the samples that are read after the blocks held at once."""
    size = (BLOCKS_AT_ONCE + 2) * BLOCK_ROWS - 5
    features = np.random.default_rng(4).normal(size=(size, 9)).astype(np.float32)
    features[BLOCKS_AT_ONCE * BLOCK_ROWS :, 4:] *= 5
    pool = replace(POOL, ids=np.array([f"{row:05}" for row in range(size)]), features=features)
    candidates = np.sort(np.argsort(keyed_order(pool.ids, 0, 0, "bait candidates"))[:200])
    expected = forward_backward(pool, 15, candidates=candidates)[0]
    assert select_batch("bait", pool, 15, 0, candidates=200).ids.astype(int).tolist() == expected


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"regularisation": 0.0}, "regularisation must be a number above 0; got 0"),
        ({"regularisation": float("nan")}, "regularisation must be a number above 0; got nan"),
        ({"candidates": 0}, "candidates must be a number of at least 1; got 0"),
    ],
)
def test_what_it_refuses(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        select_batch("bait", FEW, 3, 0, **parameters)
