"""What was told, so that nobody is told it twice: an object for each event and cycle, written before it is sent."""

from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import sealed
from labelcycle.components.notification.news import News

FOLDER = "notifications"


def record_key(event: str, cycle: int) -> str:
    """Where the record of an event of a cycle is."""
    return f"{FOLDER}/cycle-{cycle:04d}-{event}.json"


def claim(store: Store, news: News) -> bool:
    """Write the record. Returns False where another one has, who tells it or has told it.

    It holds no words: an error may name samples, which `labelcycle amend --erase` would have to find again.

    Raises:
        TransientError: the store does not answer.
    """
    content = {"event": news.event, "cycle": news.cycle, "time": news.time}
    return store.write_if_absent(record_key(news.event, news.cycle), sealed(content))


def was_told(store: Store, event: str, cycle: int) -> bool:
    """Whether somebody was told, or is just being told."""
    return store.exists(record_key(event, cycle))
