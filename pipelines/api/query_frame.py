"""The open queries as a table, and a table of labels as answers to them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.queries import Pick, picks_of, read_query
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.api.python_arguments import is_missing, labels_by_id
from labelcycle.pipelines.label_page.answer_sheet import PersonsAnswer
from labelcycle.pipelines.label_page.many_answers import answers_so_far
from labelcycle.pipelines.label_page.open_queries import NothingAsked, read_open_queries

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["sample_id", "uri", "cycle", "rank", "predicted", "confidence", "reason", "label", "status"]


def query_frame(store: Store, root: str) -> "pd.DataFrame":
    """See `Campaign.query`."""
    import pandas as pd

    state = read_state(store)
    asked: list[tuple[int, Pick]] = []
    answers: dict[tuple[int, str], PersonsAnswer] = {}
    if state.phase == "labelling":
        if state.campaign.labels_from is None and state.campaign.labelling.tool is None:
            asked, answers = _of_people(store, root)
        else:
            asked = _of_last_query(store, state)
    uris = sample_uris(store, state.campaign, [pick.sample_id for _, pick in asked]) if asked else {}
    nothing = PersonsAnswer("", "")
    rows = [
        {
            "sample_id": pick.sample_id,
            "uri": uris[pick.sample_id],
            "cycle": cycle,
            "rank": pick.rank,
            "predicted": pick.predicted,
            "confidence": pick.confidence,
            "reason": pick.reason,
            "label": (answer := answers.get((cycle, pick.sample_id), nothing)).label or None,
            "status": answer.status or None,
        }
        for cycle, pick in asked
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_people(store: Store, root: str) -> tuple[list[tuple[int, Pick]], dict[tuple[int, str], PersonsAnswer]]:
    """What people are asked, and what they have written into the CSVs so far."""
    try:
        queries = read_open_queries(store, root, shown=False)
    except NothingAsked:
        return [], {}
    asked = [(request.cycle, queries.picks[request.cycle, request.sample_id]) for request in queries.asked]
    return asked, answers_so_far(store, root, queries)


def _of_last_query(store: Store, state: State) -> list[tuple[int, Pick]]:
    last = state.commits[-1]
    return [(last.cycle, pick) for pick in picks_of(read_query(store, last.objects["query"]))]


def answers_in(labels: Any, annotator: str = "") -> dict[str, PersonsAnswer]:
    """The answers in a table, or in a mapping of labels by id.

    Args:
        labels: see `Campaign.add_labels`.
        annotator: whose they are where the table does not say.

    Raises:
        InputError: a column is missing, a sample stands in two rows, or there is no answer at all.
    """
    if isinstance(labels, Mapping) or hasattr(labels, "to_dict") and not hasattr(labels, "columns"):
        rows = [
            {"sample_id": name, "label": label} for name, label in zip(*labels_by_id("labels", labels), strict=True)
        ]
    else:
        columns = {*getattr(labels, "columns", ())}
        missing = [wanted for wanted in ({"sample_id"}, {"label", "status"}) if not wanted & columns]
        if missing:
            lacking = " or ".join(map(repr, sorted(missing[0])))
            raise InputError(f"The labels lack the column {lacking}. Give a table with sample_id and label.")
        rows = labels.to_dict("records")
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    found: dict[str, PersonsAnswer] = {}
    for row in rows:
        label, status = _text(row.get("label")), _text(row.get("status"))
        if not label and not status:
            continue
        name = _text(row["sample_id"])
        if name in found:
            raise InputError(f"Sample {name!r} is answered twice. Nothing was taken in; answer each once.")
        status = status or "ok"
        whose = _text(row.get("annotator")) or annotator
        found[name] = PersonsAnswer(label if status == "ok" else "", status, whose, time)
    if not found:
        raise InputError("There is no label among these. Fill in the column `label`, or `status` with skip or unsure.")
    return found


def _text(value: Any) -> str:
    """A cell as text; what is missing, such as None and NaN, is empty. 3.0 is 3, since gaps make columns of floats."""
    if is_missing(value):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
