"""What a way of telling people can do, and how it fails."""

from typing import Protocol

import tenacity

from labelcycle.components.core.errors import TransientError
from labelcycle.components.notification.news import News

ATTEMPTS = 3
SOCKET_SECONDS = 8.0
"""How long one answer of a server is waited for."""


class NotTaken(TransientError):
    """The receiver has certainly not taken it, so it may be sent again."""


class Channel(Protocol):
    """A way of telling people."""

    @property
    def name(self) -> str:
        """What it is and where it leads, without anything secret."""
        ...

    def send(self, news: News) -> None:
        """Tell it, once.

        Raises:
            NotTaken: it may be sent again.
            LabelcycleError: it is not taken, or may have been.
        """
        ...


def send_with_retries(channel: Channel, news: News, seconds: float) -> None:
    """Tell it, and try again where it was certainly not taken.

    Raises:
        LabelcycleError: what the last try raised.
    """
    tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(NotTaken),
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_exponential(multiplier=0.5) + tenacity.wait_random(0, 0.1),
        reraise=True,
    )(channel.send, news)
