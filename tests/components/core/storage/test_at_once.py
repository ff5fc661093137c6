"""Reading several objects at once gives what reading them one by one gives."""

import threading

import pytest

from labelcycle.components.core.storage.concurrent_reads import MOST_TOO_MANY, THREADS, concurrently, until_none


class Source:
    """Numbers that exist up to an end; counts what was asked for."""

    def __init__(self, end: int) -> None:
        self.end, self.asked = end, 0
        self._lock = threading.Lock()

    def read(self, number: int) -> str | None:
        with self._lock:
            self.asked += 1
        return f"object {number}" if number < self.end else None


@pytest.mark.parametrize("count", [0, 1, 2, THREADS, 3 * THREADS + 1])
def test_results_keep_their_order(count: int) -> None:
    assert concurrently(str, range(count)) == [str(number) for number in range(count)]


def test_the_work_overlaps() -> None:
    together = threading.Barrier(THREADS, timeout=30)
    assert concurrently(lambda number: together.wait() < THREADS and number, range(THREADS)) == list(range(THREADS))


def test_the_first_error_is_raised() -> None:
    def fail(number: int) -> int:
        if number % 3 == 2:
            raise ValueError(number)
        return number

    with pytest.raises(ValueError, match="2"):
        concurrently(fail, range(50))


@pytest.mark.parametrize("end", [*range(20), 100, 333])
def test_everything_up_to_the_end_is_found_with_few_calls_too_many(end: int) -> None:
    source = Source(end)
    assert list(until_none(source.read)) == [f"object {number}" for number in range(end)]
    assert end + 1 <= source.asked <= min(2 * end + 1, end + 1 + MOST_TOO_MANY)


def test_what_lies_beyond_the_end_is_not_looked_at() -> None:
    def read(number: int) -> int | None:
        if number > 2:
            raise ValueError("beyond the end")
        return number if number < 2 else None

    assert list(until_none(read)) == [0, 1]


def test_an_error_before_the_end_is_raised() -> None:
    def read(number: int) -> int | None:
        if number == 2:
            raise ValueError("damaged")
        return number if number < 9 else None

    with pytest.raises(ValueError, match="damaged"):
        list(until_none(read))
