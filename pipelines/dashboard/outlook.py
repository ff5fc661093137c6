"""Who is awaited; a label source that cannot be read costs that part of the status alone."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.state import State
from labelcycle.components.core.storage import Store

if TYPE_CHECKING:
    from labelcycle.components.label_ingest.outlook import Outlook


def read_outlook(store: Store, state: State) -> "tuple[Outlook | None, str | None]":
    """How far the last query is answered, or why that cannot be told; neither where no query is open."""
    if state.phase != "labelling":
        return None, None
    from labelcycle.components.label_ingest.outlook import outlook

    try:
        return outlook(store, state), None
    except LabelcycleError as error:
        return None, f"who is awaited cannot be told now: {error}"


def outlook_facts(outlook: "Outlook | None") -> dict[str, Any] | None:
    """Plain values for machines."""
    return None if outlook is None else asdict(outlook)
