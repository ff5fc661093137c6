"""Work split into chunks whose content depends on the sample ids alone, so that any number of shards computes the same.

A chunk is computed as one unit by whichever shard it falls to; its batches are therefore the same whether one process
does all chunks or a hundred pods do one each, and so are its floating-point results.
"""

from collections.abc import Iterator, Sequence

from labelcycle.components.core.errors import ConfigurationError

CHUNK_ROWS = 1024


def shard_numbers(shards: int) -> list[int]:
    """The numbers of all shards, from 0.

    Raises:
        ConfigurationError: fewer than one shard.
    """
    if shards < 1:
        raise ConfigurationError(f"The work cannot be split into {shards} shards. Ask for 1 or more.")
    return list(range(shards))


def chunks_of_shard(ids: Sequence[str], shard: int, shards: int, rows: int = CHUNK_ROWS) -> Iterator[list[str]]:
    """The chunks of the sorted `ids` that fall to `shard`: every `shards`-th chunk of `rows` ids.

    Raises:
        ConfigurationError: not 0 <= shard < shards.
    """
    if not 0 <= shard < shards:
        raise ConfigurationError(f"Shard {shard} of {shards} does not exist; shards are counted from 0.")
    ordered = sorted(ids)
    for start in range(shard * rows, len(ordered), shards * rows):
        yield ordered[start : start + rows]
