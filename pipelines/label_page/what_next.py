"""What is to be done once a person stops labelling, by what the next run would see."""

import shlex

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.storage import Store
from labelcycle.components.label_ingest.awaited_labels import awaited_labels
from labelcycle.pipelines.label_page.session import LabellingSession


def what_next(store: Store, session: LabellingSession) -> list[str]:
    """Lines for the person: label on, wait for others, or run, and why a run would not go on yet.

    Args:
        store: the campaign's.
        session: the person's, which looks at the campaign once more.

    Cost: that of `LabellingSession.look_again` and `awaited_labels`.
    """
    root = shlex.quote(session.root)
    try:
        session.look_again()
        waited_for = awaited_labels(store, read_state(store))
    except LabelcycleError as error:  # such as NothingAsked, where a run went on meanwhile: it says what to do
        return [str(error)]
    mine = len(session.standing.waiting)
    name = f" --annotator {shlex.quote(session.annotator)}" if session.annotator else ""
    label, run = f"labelcycle label {root}{name}", f"labelcycle run {root}"
    if waited_for.ready:
        return [f"next: {run}", *([f"or answer the {mine} that are open too: {label}"] if mine else [])]
    awaited = f"labels are still awaited: {waited_for.goes_on}"
    return [awaited, f"next: {label}" if mine else f"next, once others have answered: {run}"]
