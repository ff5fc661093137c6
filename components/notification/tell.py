"""Telling people: at most once, within seconds, and without ever failing what they are told about."""

import threading
import time
from collections.abc import Sequence

from labelcycle.components.core.config.notify import Notify
from labelcycle.components.core.errors import LabelcycleError, printable
from labelcycle.components.core.logging.events import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.notification.channel import Channel, send_with_retries
from labelcycle.components.notification.news import News
from labelcycle.components.notification.records import claim, was_told

SECONDS = 20.0
"""What telling may take, whatever servers do."""


def tell(store: Store, notify: Notify | None, news: News, seconds: float = SECONDS) -> bool:
    """Tell people, unless they do not want to know or were told before.

    Whatever fails is a notice: nothing here ends a stage. A record is written before anything is sent, so that a kill
    between the two loses the news rather than repeats it.

    Args:
        store: the campaign's, for the record.
        notify: who is told of what; None for nobody of nothing.
        news: what.
        seconds: what it may take.

    Returns:
        Whether this call has told somebody.
    """
    if notify is None or news.event not in notify.events:
        return False
    try:
        if was_told(store, news.event, news.cycle):
            return False
        channels = channels_of(notify)
        if not claim(store, news):
            return False
    except (LabelcycleError, OSError) as error:
        notice(f"{_not_told(news)}: {_plain(error)}.")
        return False
    return _send(channels, news, seconds)


def channels_of(notify: Notify) -> list[Channel]:
    """The ways of telling, with what the environment has for them.

    Raises:
        ConfigurationError: it lacks an address or a password, or they are none.
    """
    channels: list[Channel] = []
    if notify.webhook:
        from labelcycle.components.notification.webhook import Webhook

        channels.append(Webhook.from_environment())
    if notify.email is not None:
        from labelcycle.components.notification.mail import Mail

        channels.append(Mail.from_environment(notify.email))
    return channels


def _send(channels: Sequence[Channel], news: News, seconds: float) -> bool:
    """Send by all channels at once; what is not done in time is left behind, in threads that end with the process."""
    sendings = [_Delivery(channel, news, seconds) for channel in channels]
    end = time.monotonic() + seconds
    for sending in sendings:
        sending.start()
    for sending in sendings:
        sending.join(max(0.0, end - time.monotonic()))
        if sending.failure is not None:
            notice(f"{_not_told(news)}: {sending.failure}.")
    return any(sending.failure is None for sending in sendings)


class _Delivery(threading.Thread):
    """One channel at work; `failure` says what is wrong, and None that it is done."""

    def __init__(self, channel: Channel, news: News, seconds: float) -> None:
        super().__init__(name=f"labelcycle-{news.event}", daemon=True)
        self._work = (channel, news, seconds)
        self.failure: str | None = f"{channel.name} did not answer within {seconds:g} s"

    def run(self) -> None:
        try:
            send_with_retries(*self._work)
        except LabelcycleError as error:
            self.failure = _plain(error)
        except Exception as error:  # its words may hold the secret address
            self.failure = f"{self._work[0].name} cannot be used ({type(error).__name__})"
        else:
            self.failure = None


def _not_told(news: News) -> str:
    return f"People may not have been told of {news.event} in cycle {news.cycle}"


def _plain(error: Exception) -> str:
    return printable(str(error)).rstrip(".")
