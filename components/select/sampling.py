"""A random sample of a pool that depends on its ids alone, for what would cost too much on all of it."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.ordering import keyed_order


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
