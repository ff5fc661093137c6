"""Stopping a run on this machine: by Ctrl-C, or by SIGTERM, with a word on what was stopped and how to continue."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Stopped(KeyboardInterrupt):
    """Somebody stopped the run. The exit code is what shells expect: 128 and the number of the signal."""

    def __init__(self, what: str, number: signal.Signals) -> None:
        super().__init__(
            f"stopped by {NAMES[number]} in {what}; nothing committed is lost, run the same command to continue"
        )
        self.exit_code = 128 + number


@contextmanager
def stoppable(what: Callable[[], str], end: Callable[[], None]) -> Iterator[None]:
    """Raise `Stopped` where Ctrl-C or SIGTERM comes while what is inside is at work.

    Args:
        what: says what is at work.
        end: ends its processes, because nothing else may do so before the block can be left.

    Raises:
        Stopped: see above; only in the main thread, which alone notices signals.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        end()
        raise Stopped(what(), signal.Signals(number))

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in NAMES}
    ignored = {number for number, handler in before.items() if handler in (signal.SIG_IGN, None)}
    for number in NAMES.keys() - ignored:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in NAMES.keys() - ignored:
            signal.signal(number, before[number])
