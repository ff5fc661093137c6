"""Work by threads and by processes: in order, in bounded memory, and what it fails with."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from labelcycle.components.core.errors import InputError, TransientError
from labelcycle.components.core.runtime.work_ahead import cores, work_ahead, work_by_processes

Worked = Iterator[tuple[int, int]]


@pytest.fixture(autouse=True)
def found_by_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes find this module."""
    monkeypatch.syspath_prepend(Path(__file__).parents[4])


def work(piece: int) -> tuple[int, int]:
    """The piece, doubled, and which process did it; some pieces are worse."""
    if piece == -1:
        raise InputError("This piece is no good. Take another.")
    if piece == -2:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * piece, os.getpid()


@pytest.mark.parametrize(("do", "ahead"), [(work_ahead, cores() + 1), (work_by_processes, 2 * cores() + 1)])
def test_results_come_in_order_and_pieces_are_taken_as_they_are_needed(
    do: Callable[[Iterable[int], Callable[[int], tuple[int, int]]], Worked], ahead: int
) -> None:
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for piece in range(40):
            taken.append(piece)
            yield piece

    results = []
    for result, process in do(pieces(), work):
        results.append(result)
        assert len(taken) <= len(results) + ahead
        assert (process == os.getpid()) == (do is work_ahead)
    assert results == [2 * piece for piece in range(40)]


def test_what_work_raises_ends_it() -> None:
    with pytest.raises(InputError, match=r"^This piece is no good. Take another.$"):
        list(work_by_processes([1, 2, -1, 3], work))


def test_a_process_that_was_killed_is_an_error_that_may_pass() -> None:
    with pytest.raises(TransientError, match="was killed, perhaps for want of memory. Give it more, or run"):
        list(work_by_processes([1, -2, 3], work))
