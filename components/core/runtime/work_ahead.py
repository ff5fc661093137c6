"""Work on many pieces by threads or processes, a few pieces ahead of whoever takes the results, in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from labelcycle.components.core.errors import TransientError

Piece = TypeVar("Piece")
Result = TypeVar("Result")

IDLE_SECONDS = 10
"""After which a process without work ends by itself, should whoever started it be killed."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def work_ahead(
    pieces: Iterable[Piece], work: Callable[[Piece], Result], threads: int | None = None
) -> Iterator[Result]:
    """The results of `work` on each piece, in the order of the pieces.

    Args:
        pieces: taken as they are needed.
        work: must release the interpreter lock for most of its time to gain from threads.
        threads: by default one a core.

    Memory: (threads + 1) pieces and results, whatever the number of pieces.
    """
    threads = threads or cores()
    with ThreadPoolExecutor(threads) as executor:
        yield from _in_order(executor, pieces, work, threads + 1)


def work_by_processes(pieces: Iterable[Piece], work: Callable[[Piece], Result]) -> Iterator[Result]:
    """The results of `work` on each piece, in the order of the pieces, by one process a core.

    They start in a second, whatever the program, which need not guard its main module. Pieces, results and errors
    travel through pipes, so work that must be cheaper than that gains nothing.

    Args:
        pieces: taken as they are needed, by the calling process.
        work: a function of a module.

    Raises:
        TransientError: a process was killed.

    Memory: (2 · cores + 1) pieces and results, whatever the number of pieces.
    """
    from joblib.externals.loky import ProcessPoolExecutor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    executor = ProcessPoolExecutor(cores(), timeout=IDLE_SECONDS)
    try:
        yield from _in_order(executor, pieces, work, 2 * cores() + 1)
    except TerminatedWorkerError as error:
        raise TransientError(
            "A process of this command was killed, perhaps for want of memory. Give it more, or run the same command "
            "again."
        ) from error
    finally:
        executor.shutdown(kill_workers=True)


def _in_order(
    executor: Executor, pieces: Iterable[Piece], work: Callable[[Piece], Result], ahead: int
) -> Iterator[Result]:
    rest = iter(pieces)
    waiting: deque[Future[Result]] = deque(executor.submit(work, piece) for piece in islice(rest, ahead))
    while waiting:
        result = waiting.popleft().result()
        for piece in islice(rest, 1):
            waiting.append(executor.submit(work, piece))
        yield result
