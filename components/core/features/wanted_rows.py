"""Rows of features that are wanted, gathered part by part into one array that is sorted by id."""

import bisect
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class WantedRows:
    """Places for the features of some samples. Of a sample that stands in several parts the first one counts.

    Attributes:
        width: d, the numbers of a vector; None until a part was offered.

    Cost: memory for the wanted rows alone; time for each part's rows and the wanted ids between its first and last.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        """Want these; an id that comes twice is wanted once."""
        ordered = sorted(ids)
        self._ids = ordered if _all_differ(ordered) else sorted(set(ordered))
        self._column = pa.array(self._ids, pa.string())
        self._there = np.zeros(len(self._ids), np.bool_)
        self._features: npt.NDArray[np.float16] | None = None
        self.width: int | None = None

    def any_between(self, first: str, last: str) -> bool:
        """Whether a wanted id lies between these two, or is one of them."""
        place = bisect.bisect_left(self._ids, first)
        return place < len(self._ids) and self._ids[place] <= last

    def wants_any(self, names: pa.Array) -> bool:
        """Whether one of these ids is wanted."""
        return len(self._among(names)[0]) > 0

    def take(self, names: pa.Array, features: npt.NDArray[np.float16]) -> None:
        """Take the wanted rows of a part that were not found yet.

        Args:
            names: its ids, (B,).
            features: (B, d).
        """
        self.width = features.shape[1]
        rows, places = self._new(names)
        if len(rows):
            if self._features is None:
                self._features = np.empty((len(self._ids), self.width), np.float16)
            self._features[places] = features[rows]

    def mark(self, names: pa.Array) -> npt.NDArray[np.int64]:
        """Rows of a part that are wanted and were not found yet; from now on they are."""
        return self._new(names)[0]

    def missing(self) -> set[str]:
        """Ids that were in no part so far."""
        return {self._ids[place] for place in np.flatnonzero(~self._there)}

    def found(self, width: int | None = None) -> tuple[list[str], npt.NDArray[np.float16]]:
        """The ids found, sorted, and their features: float16, (rows, d).

        Args:
            width: d, for the case that no part was offered.
        """
        if self._features is None:
            return [], np.empty((0, self.width or width or 0), np.float16)
        if self._there.all():
            return self._ids, self._features
        return [self._ids[place] for place in np.flatnonzero(self._there)], self._features[self._there]

    def _new(self, names: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows of a part that are wanted and were not found yet, and their places; from now on they are found."""
        rows, places = self._among(names)
        fresh = ~self._there[places]
        if not fresh.all():
            rows, places = rows[fresh], places[fresh]
        self._there[places] = True
        return rows, places

    def _among(self, names: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows of a part that are wanted, and the places of these."""
        ends = pc.min_max(names).as_py()
        start = stop = 0
        if ends["min"] is not None:
            start = bisect.bisect_left(self._ids, ends["min"])
            stop = bisect.bisect_right(self._ids, ends["max"])
        if start == stop:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        found = pc.index_in(names, value_set=self._column.slice(start, stop - start))
        places = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        rows = np.flatnonzero(places >= 0)
        return rows, places[rows] + start


def _all_differ(ordered: list[str]) -> bool:
    return all(left != right for left, right in zip(ordered, ordered[1:], strict=False))
