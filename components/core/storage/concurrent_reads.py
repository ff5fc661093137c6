"""Many small reads at once: what a store takes to answer is waited for together, and results keep their order.

A campaign of a thousand cycles has thousands of small objects. One after another they take as many round trips.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 10
"""Reads that are waited for together; boto3 keeps as many connections open."""

AHEAD = 4
"""Large objects that are waited for together, so that few are in memory."""

AHEAD_BYTES = 32 * 1024 * 1024
"""What these come to at most where their size is known, one at least. What is read of each takes two or three times as
much while it is decoded."""

MOST_TOO_MANY = 32
"""How many reads `until_none` may make beyond the end."""


def concurrently(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of `work` on each item, in their order, as `[work(item) for item in items]` gives them.

    Args:
        work: called from several threads; where it fails on several items, the error of the first is raised.
        items: what to work on.

    Cost: a round trip for every `THREADS` items instead of every item.
    """
    wanted = list(items)
    if len(wanted) < 2:
        return [work(item) for item in wanted]
    with ThreadPoolExecutor(min(THREADS, len(wanted))) as threads:
        return list(threads.map(work, wanted))


def one_after_another(work: Callable[[Item], Result], items: Sequence[Item], size: int = 0) -> Iterator[Result]:
    """The results of `work` on each item, in their order, for results too large to be held all at once.

    Args:
        work: called from several threads.
        items: what to work on.
        size: bytes of the largest result, as far as that is known.

    Cost: a round trip for every `AHEAD` items, or for as many as `AHEAD_BYTES` are; memory for one result more than
    that.
    """
    if len(items) < 2:
        yield from map(work, items)
        return
    ahead = max(1, min(AHEAD, AHEAD_BYTES // size)) if size else AHEAD
    rest = iter(items)
    with ThreadPoolExecutor(ahead) as threads:
        under_way: deque[Future[Result]] = deque(threads.submit(work, item) for item in islice(rest, ahead))
        try:
            while under_way:
                result = under_way.popleft().result()
                under_way.extend(threads.submit(work, item) for item in islice(rest, 1))
                yield result
        finally:
            for waiting in under_way:
                waiting.cancel()


def until_none(work: Callable[[int], Result | None]) -> Iterator[Result]:
    """The results of `work` on 0, 1, 2, … up to the first that is None.

    The end is not known, so numbers are tried in blocks, each as long as all before it. Neither a result nor an error
    from beyond the end is looked at.

    Args:
        work: called from several threads.

    Cost: at most twice as many calls as it takes one by one, and at most `MOST_TOO_MANY` more.
    """
    begin, end = 0, 1
    with ThreadPoolExecutor(THREADS) as threads:
        while True:
            for result in threads.map(work, range(begin, end)):
                if result is None:
                    return
                yield result
            begin, end = end, end + min(end, MOST_TOO_MANY)
