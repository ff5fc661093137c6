"""Orders by hash: fixed values, whatever the order of the ids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.core.features.ordering import keyed_order, seed_for

KNOWN_ORDER = [7388423055719476684, 17546572273371894081, 8884131880536511834]
KNOWN_SEED = 1198006909


def test_known_values() -> None:
    """If these change, campaigns that are under way would be asked other queries than before."""
    assert keyed_order(["a.jpg", "ünï/画像.png", ""], 0, 3, "random").tolist() == KNOWN_ORDER
    assert seed_for(0, 3, "train") == KNOWN_SEED


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), unique=True))
def test_numbers_do_not_depend_on_the_order_of_ids(ids: list[str]) -> None:
    numbers = dict(zip(ids, keyed_order(ids, 7).tolist(), strict=True))
    shuffled = sorted(ids, key=numbers.__getitem__)
    assert keyed_order(shuffled, 7).tolist() == [numbers[name] for name in shuffled]


def test_every_part_of_the_key_matters() -> None:
    keys: list[tuple[object, ...]] = [(0, 0, "random"), (1, 0, "random"), (0, 1, "random"), (0, 0, "ties"), (0, 0), ()]
    assert len({keyed_order(["a"], *key).item() for key in keys}) == len(keys)
    assert len({seed_for(*key) for key in keys}) == len(keys)


@pytest.mark.parametrize("number", [np.int64(5), np.uint32(5)])
def test_numpy_numbers_count_as_the_numbers_they_are(number: object) -> None:
    assert keyed_order(["a"], number).item() == keyed_order(["a"], 5).item()
    assert seed_for(number) == seed_for(5)


def test_arrays_of_ids() -> None:
    assert np.array_equal(keyed_order(np.array(["a", "bcd"]), 1), keyed_order(["a", "bcd"], 1))


def test_numbers_do_not_depend_on_the_longest_id() -> None:
    assert keyed_order(["a", "bcd"], 1)[0] == keyed_order(["a", "b" * 100], 1)[0] == keyed_order(["a"], 1)[0]


@pytest.mark.parametrize("ids", [["ab", "ba"], ["a", "aa"], ["a1", "b0"], ["", "a"], ["\ud7ff", "\U0010ffff"]])
def test_similar_ids_have_different_numbers(ids: list[str]) -> None:
    first, second = keyed_order(ids, 1).tolist()
    assert bin(first ^ second).count("1") > 12


def test_ids_beyond_one_block() -> None:
    ids = [str(number) for number in range(40_000)]
    numbers = keyed_order(ids, 1)
    assert len(set(numbers.tolist())) == 40_000
    assert numbers[39_990:].tolist() == keyed_order(ids[39_990:], 1).tolist()


def test_no_ids() -> None:
    numbers = keyed_order([], 1)
    assert numbers.shape == (0,)
    assert numbers.dtype == np.uint64


def test_numbers_are_spread_evenly() -> None:
    numbers = keyed_order((f"image-{number}.jpg" for number in range(16_000)), 0)
    assert len(np.unique(numbers)) == 16_000
    for shift in (60, 0):
        counts = np.bincount(((numbers >> np.uint64(shift)) & np.uint64(15)).astype(int), minlength=16)
        assert counts.min() > 0.85 * 1000 and counts.max() < 1.15 * 1000


def test_seeds_fit_32_bits() -> None:
    seeds = [seed_for(number) for number in range(1000)]
    assert min(seeds) >= 0 and 2**31 < max(seeds) < 2**32
