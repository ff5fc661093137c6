"""Work on many pieces by threads that are a few pieces ahead of whoever takes the results, in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


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
    threads = threads or len(os.sched_getaffinity(0))
    rest = iter(pieces)
    with ThreadPoolExecutor(threads) as executor:
        waiting: deque[Future[Result]] = deque(executor.submit(work, piece) for piece in islice(rest, threads + 1))
        while waiting:
            result = waiting.popleft().result()
            for piece in islice(rest, 1):
                waiting.append(executor.submit(work, piece))
            yield result
