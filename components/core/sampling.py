"""A random sample of a pool that depends on its ids alone, for what would cost too much on all of it."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.ordering import GOLDEN, keyed_order, mix


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
