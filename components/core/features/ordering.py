"""Orders, samples and chunks that depend on sample ids and a seed alone, never on positions, files, shards or threads.

A chunk is computed as one unit by whichever shard it falls to, so its batches and its floating-point results are the
same whether one process computes all chunks or a hundred pods one each.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError

GOLDEN = 0x9E3779B97F4A7C15
"""The step of SplitMix64's counter: 2^64 divided by the golden ratio, made odd."""


ROWS_AT_ONCE = 1 << 14
"""Ids that are hashed together, few enough for a core's cache."""


def keyed_order(ids: Iterable[str], *key: object) -> npt.NDArray[np.uint64]:
    """A pseudo-random 64-bit number for each id under a key, the same on every machine.

    The characters of an id are taken into a 64-bit state one after another, each followed by a step of SplitMix64; the
    state begins with a BLAKE2b digest of the key.

    Args:
        ids: N sample ids.
        key: what the numbers must depend on besides the id, such as seed and cycle.

    Returns:
        uint64, shape (N,). Sorting by it gives a seeded random order; it also breaks ties.

    Source: Steele, Lea and Flood, OOPSLA 2014 (SplitMix64).
    Cost: a few nanoseconds for each character of the longest id, N times; 4 bytes a character.
    """
    names = np.asarray(ids if isinstance(ids, np.ndarray) else list(ids), dtype=np.str_)
    start = np.frombuffer(hashlib.blake2b(_text(key), digest_size=8).digest(), dtype="<u8")
    result = np.repeat(start.astype(np.uint64), len(names))
    width = names.dtype.itemsize // 4
    if width and len(names):
        characters = np.ascontiguousarray(names).view(np.uint32).reshape(len(names), width)
        for first in range(0, len(names), ROWS_AT_ONCE):
            _take_in(result[first : first + ROWS_AT_ONCE], characters[first : first + ROWS_AT_ONCE])
    return result


def mix(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser: every bit of a word depends on all of them. The words are overwritten."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def _take_in(states: npt.NDArray[np.uint64], characters: npt.NDArray[np.uint32]) -> None:
    """Change the states by the characters of each row; zeros, which fill up shorter ids, change nothing."""
    for column in characters.T:
        changed = mix((states ^ column) + np.uint64(GOLDEN))
        np.copyto(states, changed, where=column != 0)


def seed_for(*key: object) -> int:
    """A 32-bit seed for a library's generator, derived from `key`."""
    return int.from_bytes(hashlib.blake2b(_text(key), digest_size=4).digest(), "big")


def _text(key: tuple[object, ...]) -> bytes:
    """The key as bytes; a numpy number counts as the Python number it equals."""
    return repr(tuple(part.item() if isinstance(part, np.generic) else part for part in key)).encode()


def sampled(ids: npt.NDArray[np.str_], most: int, *key: object) -> npt.NDArray[np.int64]:
    """At most so many rows, ascending: those whose ids have the smallest hashes under the key; all if there are fewer.

    Args:
        ids: (N,), distinct.
        most: how many rows, at least 1.
        key: what the sample depends on besides, such as seed, cycle and purpose.
    """
    if len(ids) <= most:
        return np.arange(len(ids))
    return np.sort(np.argpartition(keyed_order(ids, *key), most - 1)[:most])


class Sampler:
    """Many random samples of one pool, each under a key of its own, for the price of hashing the ids once."""

    def __init__(self, ids: npt.NDArray[np.str_], *key: object) -> None:
        """Hash the ids.

        Args:
            ids: (N,), distinct.
            key: what all samples depend on, such as seed and cycle.
        """
        self._numbers = keyed_order(ids, *key)

    def sample(self, rows: npt.NDArray[np.int64], most: int, *key: object) -> npt.NDArray[np.int64]:
        """At most so many of these rows, ascending; all if there are fewer.

        Args:
            rows: of the pool, ascending.
            most: how many rows, at least 1.
            key: what this sample depends on besides.

        Cost: a few nanoseconds a row.
        """
        if len(rows) <= most:
            return rows
        (start,) = keyed_order([""], *key)
        numbers = mix((self._numbers[rows] ^ start) + np.uint64(GOLDEN))
        return rows[np.sort(np.argpartition(numbers, most - 1)[:most])]


CHUNK_ROWS = 1024

ALIGNED_CHUNKS = 16
"""Where shards have many chunks, they begin at multiples of so many, as parts of features that were imported do."""


def shard_numbers(shards: int) -> list[int]:
    """The numbers of all shards, from 0.

    Raises:
        ConfigurationError: fewer than one shard.
    """
    if shards < 1:
        raise ConfigurationError(f"The work cannot be split into {shards} shards. Ask for 1 or more.")
    return list(range(shards))


def chunks_of_shard(ids: Sequence[str], shard: int, shards: int, rows: int = CHUNK_ROWS) -> Iterator[list[str]]:
    """The chunks of `rows` of the sorted `ids` that fall to `shard`: one range of the order of ids.

    Which chunks there are does not depend on the number of shards. Parts of a feature space are such chunks, or whole
    numbers of them, so that a shard reads its own parts.

    Raises:
        ConfigurationError: not 0 <= shard < shards.
    """
    if not 0 <= shard < shards:
        raise ConfigurationError(f"Shard {shard} of {shards} does not exist; shards are counted from 0.")
    ordered = sorted(ids)
    chunks = -(-len(ordered) // rows)
    for number in range(_first_chunk(shard, shards, chunks), _first_chunk(shard + 1, shards, chunks)):
        yield ordered[number * rows : (number + 1) * rows]


def _first_chunk(shard: int, shards: int, chunks: int) -> int:
    """Where a shard begins: evenly, and aligned where no shard gets twice as many as another by that."""
    if shard == shards or 2 * chunks < 3 * ALIGNED_CHUNKS * shards:
        return -(-shard * chunks // shards)
    return (2 * shard * chunks + ALIGNED_CHUNKS * shards) // (2 * ALIGNED_CHUNKS * shards) * ALIGNED_CHUNKS
