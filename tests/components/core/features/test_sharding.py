"""Chunks: each id once, and the same chunks for any number of shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import CHUNK_ROWS, chunks_of_shard

IDS = st.lists(st.text(max_size=4), unique=True, max_size=40)


@given(IDS, st.integers(1, 12), st.integers(1, 9))
def test_any_number_of_shards_makes_the_same_chunks(ids: list[str], shards: int, rows: int) -> None:
    alone = list(chunks_of_shard(ids, 0, 1, rows))
    assert [name for chunk in alone for name in chunk] == sorted(ids)
    assert all(len(chunk) == rows for chunk in alone[:-1])
    together = [chunk for shard in range(shards) for chunk in chunks_of_shard(ids, shard, shards, rows)]
    assert sorted(together) == sorted(alone)


@given(IDS, st.integers(1, 5))
def test_the_order_of_ids_does_not_matter(ids: list[str], shards: int) -> None:
    assert list(chunks_of_shard(ids[::-1], 0, shards, 3)) == list(chunks_of_shard(ids, 0, shards, 3))


def test_work_is_shared_evenly() -> None:
    ids = [str(number) for number in range(100)]
    assert [len(list(chunks_of_shard(ids, shard, 4, 5))) for shard in range(4)] == [5, 5, 5, 5]


def test_default_chunks() -> None:
    ids = [f"{number:06}" for number in range(CHUNK_ROWS + 1)]
    assert [len(chunk) for chunk in chunks_of_shard(ids, 0, 1)] == [CHUNK_ROWS, 1]


@pytest.mark.parametrize(("shard", "shards"), [(1, 1), (-1, 2), (5, 3), (0, 0)])
def test_shards_that_do_not_exist(shard: int, shards: int) -> None:
    with pytest.raises(ConfigurationError, match=f"Shard {shard} of {shards} does not exist"):
        list(chunks_of_shard(["a"], shard, shards))
