"""When Python looks for objects that refer to one another and that nothing else refers to."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 300_000
"""How many more objects there are before they are looked at; Python's own 700 suit programs that import little."""


def collect_seldom() -> None:
    """Collect less often for the rest of this process.

    What a process imports stays in use, yet importing MLflow with a database makes the collector look at it hundreds
    of times: a fifth of the processor time of a stage that records a cycle. The cost is memory: arrays in cycles of
    references stay until there are `OBJECTS` more objects that can refer to others.

    When the process ends, what it has imported is left to the operating system: with MLflow and matplotlib, looking
    for garbage in it took another 0.6 processor seconds.
    """
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Put the collector off for a block that makes millions of objects, of which none becomes garbage.

    Half of the time it would look at what is all in use.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
