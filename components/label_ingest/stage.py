"""The label_ingest stage: read new labels, and decide whether this run trains, waits or is done."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from labelcycle.components.core.attempt import Action, Decision
from labelcycle.components.core.campaign import Campaign, sample_uris
from labelcycle.components.core.commits import Commit, attempt_key
from labelcycle.components.core.digests import digest_of_bytes, digest_of_json
from labelcycle.components.core.facts import Facts
from labelcycle.components.core.handout import hand_out, handout_key
from labelcycle.components.core.objects import ObjectReference, write_json, write_object
from labelcycle.components.core.observation import observed
from labelcycle.components.core.queries import read_query
from labelcycle.components.core.schemas import LABELS
from labelcycle.components.core.state import State, read_state
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.tables import table_bytes
from labelcycle.components.label_ingest.finalizing import check_finalizable, without_final_training
from labelcycle.components.label_ingest.label_file import LabelRow, SampleIds, read_label_file

Outcome = Literal["cold_start", "train", "wait", "done"]


@dataclass(frozen=True)
class Ingested(Facts):
    """What the rest of the run has to do.

    Attributes:
        decision: `cold_start` and `train` go on; `wait` and `done` end the run with nothing written. The final model is
            trained by `train` too.
        cycle: the cycle that this run works on, or the last one when done.
        attempt: its attempt; empty unless the run goes on.
        reason: why, in words.
        awaited: samples that people have still to label.
        final: whether this run trains the final model.
    """

    decision: Outcome
    cycle: int
    attempt: str
    reason: str
    awaited: int = 0
    final: bool = False


@observed
def run(root: str, labels_from: str = "", finalize: bool = False) -> Ingested:
    """Decide what comes next for the campaign, and prepare the attempt.

    Args:
        root: the campaign's folder or S3 prefix.
        labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own. A campaign
            without a source reads the CSV that it handed out for its last query.
        finalize: train the final model on every label so far, among them the answers to the last query that are there,
            and end the campaign. Nothing is done where it has its final model already, or its recipe has none.

    Raises:
        ConfigurationError: `finalize` for a campaign without images, or one that has trained no model yet.
        InputError: a row of the label file is wrong; nothing is then written.

    Cost: reads the commits, the last query and the label file.
    """
    store = open_store(root)
    state = read_state(store)
    if finalize and state.campaign.recipe.final is None:
        return Ingested("done", max(0, len(state.commits) - 1), "", without_final_training(state))
    if finalize and state.final is None:
        check_finalizable(state)
    if not state.commits:
        return _begin(store, state, "cold_start", [], None, "no query yet: choose the first samples to label")
    last = state.commits[-1]
    hand_out(store, state.campaign, last)
    if state.phase == "done" and (not finalize or state.final is not None):
        return Ingested("done", last.cycle, "", state.why_done)
    asked: list[str] = read_query(store, last.objects["query"])["sample_id"].to_pylist()
    source = labels_from or state.campaign.labels_from or handout_key(last.cycle)
    answers = _read_answers(store, state.campaign, source) if asked else {}
    earlier = [commit.objects["labels"] for commit in state.commits if "labels" in commit.objects]
    if finalize:
        given = [answers[sample_id] for sample_id in sorted(asked) if sample_id in answers]
        table = _label_table(given, source) if given else None
        return _begin(store, state, "finalize", earlier, table, "train the final model on every label so far")
    awaited = [sample_id for sample_id in asked if sample_id not in answers]
    if awaited:
        few = ", ".join(repr(name) for name in awaited[:3]) + (", …" if len(awaited) > 3 else "")
        reason = (
            f"{len(awaited)} of {len(asked)} samples of cycle {last.cycle}'s query have no label in "
            f"{_address(store, source)}: {few}"
        )
        return Ingested("wait", last.cycle + 1, "", reason, len(awaited))
    table = _label_table([answers[sample_id] for sample_id in sorted(asked)], source)
    reason = f"{len(asked)} new labels"
    usable = state.summaries[-1].labels + table["status"].to_pylist().count("ok")
    return _begin(store, state, "train" if usable else "cold_start", earlier, table, reason)


def _begin(
    store: Store,
    state: State,
    action: Action,
    earlier: list[ObjectReference],
    new_labels: pa.Table | None,
    reason: str,
) -> Ingested:
    """Write the new labels and the decision of an attempt named by all that the cycle depends on.

    The labels to train on are all so far, but those of the last query alone where training data is selected.
    """
    cycle = len(state.commits)
    last: Commit | None = state.commits[-1] if state.commits else None
    before = state.summaries[-1] if state.summaries else None
    labels, new = ([] if state.campaign.recipe.data_selection is not None else list(earlier)), None
    labelled, answered = (before.labels, before.answers) if before else (0, 0)
    if new_labels is not None:
        data = table_bytes(new_labels)
        new = write_object(store, f"labels/{cycle}-{digest_of_bytes(data)[:16]}.parquet", data)
        labels.append(new)
        labelled += new_labels["status"].to_pylist().count("ok")
        answered += new_labels.num_rows
    final = action == "finalize"
    decision = Decision(
        cycle=cycle,
        action=action,
        labels=labels,
        new_labels=new,
        labelled=labelled,
        answered=answered,
        query_size=0 if final else state.campaign.query_size(answered),
        previous=last.objects if last else {},
        queries=[commit.objects["query"] for commit in state.commits],
    )
    content = decision.model_dump(mode="json")
    attempt = digest_of_json({"campaign": state.campaign.identifier, "decision": content})[:16]
    write_json(store, attempt_key(cycle, attempt, "decision.json"), content)
    return Ingested("train" if decision.trains else "cold_start", cycle, attempt, reason, final=final)


def _read_answers(store: Store, campaign: Campaign, source: str) -> dict[str, LabelRow]:
    ids = SampleIds(sample_uris(store, campaign))
    return read_label_file(_address(store, source), ids, campaign.classes)


def _address(store: Store, source: str) -> str:
    """Where a label source is: its own address, or a key of the campaign's store."""
    return source if source.startswith("/") or "://" in source else store.locate(source)


def _label_table(answers: list[LabelRow], source: str) -> pa.Table:
    return pa.table(
        {
            "sample_id": [answer.sample_id for answer in answers],
            "label": [answer.label for answer in answers],
            "annotator": [answer.annotator or None for answer in answers],
            "time": [answer.time or None for answer in answers],
            "source": [source] * len(answers),
            "status": [answer.status for answer in answers],
        },
        schema=LABELS,
    )
