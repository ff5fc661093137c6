"""What the campaign's phase means, and what to do next, as a command."""

import shlex
from dataclasses import dataclass

from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivery_record import delivery_key, read_delivery_record


@dataclass(frozen=True)
class NextStep:
    """The phase in words, and the command to go on with."""

    words: str
    command: str


def next_step(store: Store, state: State, root: str) -> NextStep:
    """What to do next with the campaign at `root`, as the user wrote it."""
    quoted = shlex.quote(root)
    if state.phase == "new":
        return NextStep("new: nothing has been asked for yet", f"labelcycle run {quoted}")
    if state.phase == "labelling":
        return NextStep(f"labelling: {_who_answers(store, state)}", f"labelcycle run {quoted}")
    if state.phase == "amended":
        return NextStep("amended: the next run asks for more labels", f"labelcycle run {quoted}")
    if state.campaign.recipe.final is not None and state.final is None:
        words = f"done: {state.why_done}; the final model has still to be trained"
        return NextStep(words, f"labelcycle finalize {quoted}")
    return NextStep(f"done: {state.why_done}", f"labelcycle cost {quoted}")


def _who_answers(store: Store, state: State) -> str:
    """Who is asked. The label file is not named, because its address may hold a token."""
    last = state.summaries[-1]
    asked = f"the {last.query_size} samples of cycle {last.cycle}'s query"
    if state.campaign.labels_from is not None:
        return f"the campaign's label file answers {asked}"
    tool = state.campaign.labelling.tool
    record = read_delivery_record(store, last.cycle)
    if record is not None:
        address = record.place
    elif tool is not None:
        return f"{asked} have still to be sent to {tool.url}"
    else:
        address = store.locate(delivery_key(last.cycle))
    return f"{asked} are labelled at {address}"
