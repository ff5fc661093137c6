"""Dropout of the head: counted random numbers of good quality, and what is computed from the passes."""

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features import blocks
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.models.dropout import (
    DropoutPasses,
    disagreements,
    disagreements_and_information,
    id_hashes,
    mutual_information,
)
from labelcycle.components.core.models.head import LinearHead, softmax

Floats = npt.NDArray[np.float32]


def make_head(width: int, classes: int, seed: int = 0, spread: float = 1.0) -> LinearHead:
    """A head with a normalisation that matters."""
    generator = np.random.default_rng(seed)

    def normal(*shape: int) -> Floats:
        return generator.normal(size=shape).astype(np.float32)

    variance = generator.uniform(0.5, 2, width).astype(np.float32)
    scale = (1 + 0.1 * normal(width)).astype(np.float32)
    return LinearHead(normal(width), variance, scale, normal(width), normal(classes, width) * spread, normal(classes))


def make_features(rows: int, width: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def make_ids(rows: int) -> list[str]:
    return [f"image-{number}.jpg" for number in range(rows)]


def detector(width: int) -> LinearHead:
    """A head with a class for each feature, likely where the feature is kept, and a last one that never changes."""
    one, none = np.ones(width, np.float32), np.zeros(width, np.float32)
    weight = np.eye(width + 1, width, dtype=np.float32) * 3
    return LinearHead(none, one, one, none, weight, np.zeros(width + 1, np.float32))


def pass_probabilities(
    head: LinearHead, features: Any, ids: Any, seed: int, cycle: int, passes: int, rate: float, place: Any = "features"
) -> Iterator[Floats]:
    """The probabilities (N, C) of each pass in turn, all of which what is tested never keeps."""
    asked = DropoutPasses(head, seed, cycle, passes, rate, place)
    for logits in asked.logits(features, id_hashes(ids)):
        yield softmax(logits)


def masks(rows: int, width: int, passes: int = 1, rate: float = 0.5, seed: int = 0, cycle: int = 0) -> npt.NDArray[Any]:
    """What is kept: (passes, rows, width). A dropped feature has logit 0, as the last class, a kept one at least 3."""
    features = np.ones((rows, width), np.float32)
    found = []
    for probabilities in pass_probabilities(detector(width), features, make_ids(rows), seed, cycle, passes, rate):
        found.append(probabilities[:, :-1] > 5 * probabilities[:, -1:])
    return np.array(found)


def mask_by_hand(name: str, width: int, dropped: int, seed: int, cycle: int, number: int) -> list[bool]:
    """SplitMix64 in Python's own integers, started by the hashes of the id and of the pass."""
    whole = 2**64 - 1

    def mixed(word: int) -> int:
        word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & whole
        word = ((word ^ word >> 27) * 0x94D049BB133111EB) & whole
        return word ^ word >> 31

    of_pass = keyed_order([str(number)], seed, cycle, "dropout pass").item()
    state = mixed(keyed_order([name], "dropout").item() ^ of_pass)
    kept = []
    for position in range(width):
        word = mixed((state + 0x9E3779B97F4A7C15 * (position // 4 + 1)) & whole)
        kept.append((word >> 16 * (position % 4)) % 2**16 >= dropped)
    return kept


@pytest.mark.parametrize("width", [1, 3, 4, 9, 384])
def test_what_is_dropped_is_as_worked_out_by_hand(width: int) -> None:
    """If this fails, campaigns that are under way would be scored otherwise than before."""
    found = masks(5, width, passes=2, rate=0.25, seed=7, cycle=3)
    for number in range(2):
        for row, name in enumerate(make_ids(5)):
            assert found[number, row].tolist() == mask_by_hand(name, width, 2**14, 7, 3, number)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_the_share_that_is_dropped_is_the_rate(rate: float) -> None:
    kept = masks(2000, 64, passes=3, rate=rate)
    total = kept.size
    assert abs(kept.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / total)
    by_position = kept.sum(axis=(0, 1))
    expected = 6000 * (1 - rate)
    chi_square = ((by_position - expected) ** 2).sum() / (6000 * rate * (1 - rate))
    assert scipy.stats.chi2(64).sf(chi_square) > 1e-4
    by_row = kept.sum(axis=(0, 2))
    chi_square = ((by_row - 192 * (1 - rate)) ** 2).sum() / (192 * rate * (1 - rate))
    assert 1e-4 < scipy.stats.chi2(2000).sf(chi_square) < 1 - 1e-4, "rows vary neither too much nor too little"


@pytest.mark.parametrize(
    "others",
    [
        lambda: masks(500, 64, passes=2)[1],
        lambda: masks(500, 64, seed=1)[0],
        lambda: masks(500, 64, cycle=1)[0],
        lambda: np.roll(masks(500, 64)[0], 1, axis=0),
        lambda: np.roll(masks(500, 64)[0], 1, axis=1),
        lambda: np.roll(masks(500, 64)[0], 4, axis=1),
    ],
    ids=["passes", "seeds", "cycles", "samples", "neighbouring features", "features of neighbouring words"],
)
def test_masks_are_independent(others: Callable[[], npt.NDArray[Any]]) -> None:
    first, second = masks(500, 64)[0], others()
    agreement = (first == second).mean()
    assert abs(agreement - 0.5) < 4 * 0.5 / np.sqrt(first.size)


def test_pairs_of_features_are_independent() -> None:
    signs = masks(4000, 32)[0] * 2.0 - 1
    correlation = signs.T @ signs / 4000
    np.fill_diagonal(correlation, 0)
    assert abs(correlation).max() < 5 / np.sqrt(4000)


@pytest.mark.parametrize("place", ["features", "normalised"])
def test_passes_are_the_head_with_features_left_out(place: Any) -> None:
    head, features, ids = make_head(20, 5), make_features(30, 20), make_ids(30)
    kept = masks(30, 20, passes=3, rate=0.75)
    for number, found in enumerate(pass_probabilities(head, features, ids, 0, 0, 3, 0.75, place)):
        scaled = kept[number] * 4.0
        inputs = features.astype(np.float64) * (scaled if place == "features" else 1)
        normalised = (inputs - head.running_mean) / np.sqrt(head.running_var + 1e-5) * head.scale + head.shift
        logits = normalised * (scaled if place == "normalised" else 1) @ head.weight.T.astype(np.float64) + head.bias
        expected = np.exp(logits - logits.max(axis=1, keepdims=True))
        np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)


def test_scaling_keeps_the_mean() -> None:
    """Kept features are scaled by the inverse of their share, so that the mean logit is that without dropout."""
    head, features = make_head(16, 2), make_features(1, 16)
    logs = [np.log(found[0]) for found in pass_probabilities(head, features, ["a"], 0, 0, 4000, 0.5)]
    differences = np.array([log[0] - log[1] for log in logs])
    expected = head.logits(features)[0]
    error = differences.std() / np.sqrt(4000)
    assert abs(differences.mean() - (expected[0] - expected[1])) < 4 * error


@pytest.mark.parametrize("place", ["features", "normalised"])
def test_disagreements_are_passes_of_another_class(place: Any) -> None:
    head, features, ids = make_head(20, 5), make_features(200, 20), make_ids(200)
    predicted = head.probabilities(features).argmax(axis=1)
    passes = pass_probabilities(head, features, ids, 3, 2, 7, 0.75, place)
    expected = sum((found.argmax(axis=1) != predicted).astype(int) for found in passes)
    found = disagreements(head, features, ids, 3, 2, 7, 0.75, place)
    assert found.dtype == np.int32 and found.tolist() == np.asarray(expected).tolist()
    assert found.min() < 3 and found.max() > 4, "the case is not trivial"


@pytest.mark.parametrize("place", ["features", "normalised"])
def test_mutual_information_is_that_of_the_passes(place: Any) -> None:
    head, features, ids = make_head(20, 5, spread=0.3), make_features(200, 20), make_ids(200)
    passes = np.array(list(pass_probabilities(head, features, ids, 3, 2, 9, 0.3, place)), np.float64)
    expected = scipy.stats.entropy(passes.mean(axis=0), axis=1) - scipy.stats.entropy(passes, axis=2).mean(axis=0)
    found = mutual_information(head, features, ids, 3, 2, 9, 0.3, place)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_both_are_those_of_the_same_passes() -> None:
    head, features, ids = make_head(20, 5), make_features(50, 20), make_ids(50)
    counts, information = disagreements_and_information(head, features, ids, 1, 2, 4, 0.5, "normalised")
    assert counts.tolist() == disagreements(head, features, ids, 1, 2, 4, 0.5, "normalised").tolist()
    assert information.tolist() == mutual_information(head, features, ids, 1, 2, 4, 0.5, "normalised").tolist()


def test_defaults_are_those_of_the_papers() -> None:
    head, features, ids = make_head(20, 5), make_features(50, 20), make_ids(50)
    assert (disagreements(head, features, ids, 0, 0) == disagreements(head, features, ids, 0, 0, 3, 0.75)).all()
    information = mutual_information(head, features, ids, 0, 0)
    assert (information == mutual_information(head, features, ids, 0, 0, 20, 0.5, "features")).all()


def test_without_dropout_all_passes_agree() -> None:
    head, features, ids = make_head(20, 5), make_features(300, 20), make_ids(300)
    counts, information = disagreements_and_information(head, features, ids, 0, 0, 5, 0.0)
    assert not counts.any()
    assert (information >= 0).all() and (information < 1e-6).all()


def test_all_but_nothing_dropped_is_still_finite() -> None:
    head, features, ids = make_head(20, 5), make_features(50, 20), make_ids(50)
    counts, information = disagreements_and_information(head, features, ids, 0, 0, 5, 1 - 1e-9)
    assert (counts <= 5).all() and np.isfinite(information).all()


def test_information_is_largest_where_the_passes_contradict_each_other() -> None:
    """One feature decides surely: kept it says one class, dropped the other. The information is then ln 2 at most."""
    one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
    weight = np.array([[100.0], [0.0]], np.float32)
    head = LinearHead(none, one, one, none, weight, np.array([0, 50], np.float32))
    features = np.array([[1.0], [0.0]], np.float32)
    found = mutual_information(head, features, ["torn", "sure"], 0, 0, passes=200)
    assert found[0] == pytest.approx(np.log(2), abs=0.02)
    assert found[1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 1023, 1025, 3000])
def test_the_order_of_rows_changes_not_one_bit(rows: int) -> None:
    head, features, ids = make_head(20, 11), make_features(rows, 20), np.array(make_ids(rows))
    order = np.random.default_rng(0).permutation(rows)
    counts, information = disagreements_and_information(head, features, ids, 0, 0, 3, 0.5)
    again, information_again = disagreements_and_information(head, features[order], ids[order], 0, 0, 3, 0.5)
    assert (again == counts[order]).all()
    assert (information_again == information[order]).all()


@pytest.mark.parametrize("size", [1, 100, 1024, 1999])
def test_any_part_of_the_rows_gives_the_same(size: int) -> None:
    head, features, ids = make_head(20, 11), make_features(2000, 20), make_ids(2000)
    counts, information = disagreements_and_information(head, features, ids, 0, 0, 3, 0.5)
    for start in range(0, 2000, 2000 if size == 1 else size):
        rows = slice(start, start + size)
        part, part_information = disagreements_and_information(head, features[rows], ids[rows], 0, 0, 3, 0.5)
        assert (part == counts[rows]).all()
        np.testing.assert_allclose(part_information, information[rows], atol=2e-6)


def test_threads_change_not_one_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    head, features, ids = make_head(20, 11), make_features(5000, 20), make_ids(5000)
    found = []
    for number in (1, 4):
        monkeypatch.setattr(blocks, "cores", lambda number=number: number)
        found.append(disagreements_and_information(head, features, ids, 0, 0, 3, 0.5))
    assert (found[0][0] == found[1][0]).all() and (found[0][1] == found[1][1]).all()


def test_half_precision_is_taken_and_nothing_is_changed() -> None:
    head, ids = make_head(20, 5), make_ids(50)
    features = make_features(50, 20).astype(np.float16)
    copy = features.copy()
    assert (disagreements(head, features, ids, 0, 0) == disagreements(head, copy.astype(np.float32), ids, 0, 0)).all()
    assert (features == copy).all()
    whole = copy.astype(np.float32)
    mutual_information(head, whole, ids, 0, 0)
    assert (whole == copy).all()


def test_no_rows() -> None:
    counts, information = disagreements_and_information(make_head(20, 5), make_features(0, 20), [], 0, 0, 3, 0.5)
    assert counts.shape == information.shape == (0,)


def test_memory_is_that_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "cores", lambda: 1)
    head, ids = make_head(256, 50), make_ids(20_000)
    features = make_features(20_000, 256).astype(np.float16)
    tracemalloc.start()
    disagreements_and_information(head, features, ids, 0, 0, 2, 0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < features.nbytes


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"passes": 0}, "at least 1 pass; got 0"),
        ({"rate": 1.0}, "at least 0 and below 1; got 1.0"),
        ({"rate": -0.1}, "at least 0 and below 1; got -0.1"),
        ({"rate": float("nan")}, "at least 0 and below 1; got nan"),
        ({"place": "labels"}, "Dropout acts on features or normalised; got 'labels'"),
    ],
)
@pytest.mark.parametrize("ask", [disagreements, mutual_information])
def test_settings_that_cannot_be_are_refused(ask: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ask(make_head(20, 5), make_features(3, 20), make_ids(3), 0, 0, **settings)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (make_features(4, 20), "3 ids for features of shape"),
        (make_features(3, 20)[:, 0], "3 ids for features of shape"),
        (make_features(3, 21), "takes 20 features, these have 21"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(features: Floats, message: str) -> None:
    with pytest.raises(InputError, match=message):
        disagreements(make_head(20, 5), features, make_ids(3), 0, 0)
    with pytest.raises(InputError, match=message):
        mutual_information(make_head(20, 5), features, make_ids(3), 0, 0)
