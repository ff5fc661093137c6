"""Large results one after another: how many are waited for together depends on how large they are."""

import threading

import pytest

from labelcycle.components.core.storage.concurrent_reads import AHEAD, AHEAD_BYTES, one_after_another


class Reads:
    """Counts how many reads have begun that nobody has taken the result of."""

    def __init__(self) -> None:
        self.begun, self.most = 0, 0
        self._lock = threading.Lock()

    def read(self, item: int) -> int:
        with self._lock:
            self.begun += 1
        return item * item

    def taken(self, count: int) -> None:
        with self._lock:
            self.most = max(self.most, self.begun - count)


@pytest.mark.parametrize(
    ("size", "ahead"), [(0, AHEAD), (1, AHEAD), (AHEAD_BYTES // 2, 2), (AHEAD_BYTES, 1), (5 * AHEAD_BYTES, 1)]
)
def test_so_many_are_read_ahead(size: int, ahead: int) -> None:
    reads = Reads()
    for count, result in enumerate(one_after_another(reads.read, range(40), size)):
        assert result == count * count
        reads.taken(count + 1)
    assert reads.begun == 40 and reads.most <= ahead
