"""Near-duplicates against a greedy pass over all pairs."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select import Candidates
from labelcycle.components.select.near_duplicates import without_near_duplicates

GENERATOR = np.random.default_rng(0)
IDS = np.array([f"{row:03}" for row in range(200)])
FEATURES = GENERATOR.normal(size=(200, 3)).astype(np.float32)
EVERYTHING = np.arange(200)
NONE = np.empty(0, np.int64)
WIDE = GENERATOR.normal(size=(200, 384)).astype(np.float16)
POOL = Candidates(IDS, features=FEATURES)


def cosines(left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    unit = [values / np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True) for values in (left, right)]
    result: npt.NDArray[np.float64] = unit[0] @ unit[1].T
    return result


def by_hand(
    available: npt.NDArray[np.int64],
    kept: npt.NDArray[np.int64],
    similarity: float,
    labelled: npt.NDArray[np.float32] | None = None,
) -> list[int]:
    same = cosines(FEATURES, FEATURES) > similarity
    known = np.zeros(200, bool) if labelled is None else (cosines(FEATURES, labelled) > similarity).any(axis=1)
    chosen = kept.tolist()
    for row in available[np.argsort(keyed_order(IDS[available], "ties"))].tolist():
        if row not in chosen and not known[row] and not same[row, chosen].any():
            chosen.append(row)
    return sorted(set(chosen) & set(available.tolist()))


@pytest.mark.parametrize("similarity", [0.2, 0.8, 0.95, 0.999])
@pytest.mark.parametrize("available", [EVERYTHING, EVERYTHING[::3]])
@pytest.mark.parametrize("kept", [NONE, np.array([3, 6, 9, 60, 61])])
def test_one_of_each_kind_is_left(
    similarity: float, available: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]
) -> None:
    labelled = GENERATOR.normal(size=(5, 3)).astype(np.float32)
    for known in (None, labelled):
        found = without_near_duplicates(replace(POOL, labelled_features=known), available, kept, similarity, 0)
        assert found.tolist() == by_hand(available, kept, similarity, known)


def test_similarity_of_one_takes_out_exact_copies_alone() -> None:
    features = np.concatenate([WIDE[:50], WIDE[:50] * 4, WIDE[100:]])
    found = without_near_duplicates(Candidates(IDS, features=features), EVERYTHING, NONE, 1.0, 0)
    originals = [row - 50 if 50 <= row < 100 else row for row in found.tolist()]
    assert sorted(originals) == [*range(50), *range(100, 200)]
    assert found.tolist() != sorted(originals)


def test_copies_of_labelled_samples_are_left_out_unless_they_must_stay() -> None:
    pool = Candidates(IDS, features=WIDE, labelled_features=WIDE[:20] * 2)
    assert without_near_duplicates(pool, EVERYTHING, NONE, 1.0, 0).tolist() == list(range(20, 200))
    assert without_near_duplicates(pool, EVERYTHING, np.array([7]), 1.0, 0).tolist() == [7, *range(20, 200)]


def test_features_are_needed_and_no_candidates_are_fine() -> None:
    with pytest.raises(ConfigurationError, match="near_duplicates needs features"):
        without_near_duplicates(replace(POOL, features=None), EVERYTHING, NONE, 0.9, 0)
    empty = Candidates(IDS[:0], features=FEATURES[:0])
    assert without_near_duplicates(empty, NONE, NONE, 0.9, 0).tolist() == []
