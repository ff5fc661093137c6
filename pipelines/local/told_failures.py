"""Telling people of a cycle that failed on this machine, where the campaign's settings say whom."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.notification.occasions import tell_of_failure


@contextmanager
def told_of_failures(root: str) -> Iterator[None]:
    """Tell of a failure inside, at most once a cycle, and let it go on; somebody who stops a run is no failure."""
    try:
        yield
    except LabelcycleError as error:
        with suppress(LabelcycleError, OSError):  # the failure itself is what is to be seen
            tell_of_failure(root, str(error))
        raise
