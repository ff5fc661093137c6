"""Creating something once, although the answer of the one request that does it may be lost."""

from collections.abc import Callable
from typing import TypeVar

from labelcycle.components.core.errors import TransientError

Created = TypeVar("Created")


def create_once(create: Callable[[], Created], look: Callable[[], Created | None], what: str) -> Created:
    """What `create` makes, or what `look` finds where no answer came back. `create` is called once and never again.

    Args:
        create: sends the request.
        look: finds what the request has made; None where there is nothing.
        what: the thing in words.

    Raises:
        TransientError: nothing was found, or looking failed as well; the command may be run again, as it looks first.
    """
    try:
        return create()
    except TransientError as lost:
        try:
            found = look()
        except TransientError:
            raise TransientError(
                f"It is not known whether {what} was created. {lost} It looks first, and creates none beside it."
            ) from lost
        if found is None:
            raise TransientError(f"{what} was not created. {lost}") from lost
        return found
