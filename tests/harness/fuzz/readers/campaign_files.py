"""What a campaign keeps as JSON: its description, amendments, erasures, commits, decisions, summaries and timings.

Most damages are caught by seals and digests. Where somebody has made these anew for a changed content, what is inside
is looked at too.
"""

import json
import shutil
from typing import Any

import pyarrow as pa

from labelcycle.components.core.campaign.amendments import Amendment, amendment_key, read_amended_campaign
from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.campaign import KEY, Campaign, load_campaign
from labelcycle.components.core.campaign.commits import Commit, attempt_key, commit_key, read_commits
from labelcycle.components.core.campaign.decision import Decision, attempt_name
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.campaign.vote_tables import votes_table
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.runtime.timings import read_timings
from labelcycle.components.core.storage.erasures import ErasedObject, Erasure, digests_after, erasure_key
from labelcycle.components.core.storage.objects import SEAL, ObjectReference, sealed
from labelcycle.components.core.storage.tables import POOL, QUARANTINE, TRUTH, table_bytes
from labelcycle.pipelines.amending.changes_in_words import history_in_words
from labelcycle.pipelines.recipes.catalogue import recipe_path
from tests.harness.fuzz.json_mutation import json_mutation
from tests.harness.fuzz.memory_store import MemoryStore
from tests.harness.fuzz.scratch import SCRATCH
from tests.harness.fuzz.target import Target

SUMMARY: dict[str, Any] = {
    "cycle": 0,
    "labels": 5,
    "answers": 5,
    "accuracy": None,
    "macro_f1": None,
    "ece": None,
    "space": None,
    "query_size": 5,
    "previous_query": None,
}
POOL_ROWS = [{"sample_id": name, "uri": f"/data/{name}", "split": "pool"} for name in ("a.png", "b.png")]
VOTES = votes_table([Vote("a.png", "ann", "cat", "ok", "", "labels.csv")])
OBJECTS = {
    "pool/pool.parquet": table_bytes(pa.Table.from_pylist(POOL_ROWS, POOL)),
    "pool/truth.parquet": table_bytes(TRUTH.empty_table()),
    "pool/quarantine.parquet": table_bytes(QUARANTINE.empty_table()),
    "cycles/0/a/labels.parquet": table_bytes(VOTES),
    "cycles/0/a/summary.json": canonical_json(SUMMARY),
}


def _reference(key: str) -> ObjectReference:
    return ObjectReference(key=key, sha256=digest_of_bytes(OBJECTS[key]))


POOL_REFERENCE, TRUTH_REFERENCE, QUARANTINE_REFERENCE, LABELS, SUMMARY_REFERENCE = map(_reference, OBJECTS)
CAMPAIGN = Campaign(
    name="cats",
    classes=["cat", "dog"],
    recipe=read_recipe(recipe_path("linear_probe")),
    budget=10,
    batch=5,
    initial=5,
    seed=0,
    backbone=None,
    base_space="0123456789abcdef",
    pool=POOL_REFERENCE,
    truth=TRUTH_REFERENCE,
    quarantine=QUARANTINE_REFERENCE,
    labels_from=None,
)
COMMIT = Commit(cycle=0, attempt="0123456789abcdef", objects={"summary": SUMMARY_REFERENCE, "labels": LABELS})
DECISION = Decision(
    cycle=0,
    action="cold_start",
    labels=[LABELS],
    new_labels=None,
    labelled=0,
    answered=0,
    query_size=5,
    previous={"summary": SUMMARY_REFERENCE},
    queries=[],
)
AMENDMENT = Amendment(
    number=0,
    previous=digest_of_bytes(CAMPAIGN.as_bytes()),
    time="2026-12-01T08:30:00+00:00",
    by="ann",
    reason="",
    cycles=0,
    changes={
        "budget": 20,
        "classes": ["cat", "hound"],
        "former_classes": {"dog": "hound"},
        "notify": {"webhook": True},
    },
    counts={"new in the pool": 2},
)
ERASURE = Erasure(
    number=0,
    time="2026-12-01T08:30:00+00:00",
    by="ann",
    reason="privacy",
    samples=["erased-0123456789abcdef0123"],
    objects=[ErasedObject(key=LABELS.key, before=LABELS.sha256, after="0" * 64)],
)
RECORD = {"scores.parquet": LABELS.model_dump()}
TIMING: dict[str, Any] = {
    "stage": "embed",
    "target": "base",
    "started": 1.0,
    "wall_seconds": 1.0,
    "cpu_seconds": 0.5,
    "gpu_seconds": 0.0,
    "rows": 3,
    "peak_memory_bytes": 10**8,
}


def _read_campaign(data: bytes) -> None:
    campaign = load_campaign(MemoryStore(**{KEY: data}))
    campaign.identifier.encode()
    campaign.recipe.schedule.learning_rate(0.1, 3)


def _read_references(data: bytes) -> None:
    """The tables that a campaign names, wherever its references point to."""
    store = MemoryStore(**OBJECTS, **{KEY: data})
    sample_uris(store, load_campaign(store))


def _read_amendment(data: bytes) -> None:
    amended = read_amended_campaign(MemoryStore(**{KEY: CAMPAIGN.as_bytes(), amendment_key(0): data}))
    history_in_words(amended)
    amended.as_of(amended.newest).query_size(0)


def _read_erasure(data: bytes) -> None:
    digests_after(MemoryStore(**{erasure_key(0): data}), LABELS.key)


def _read_commit(data: bytes) -> None:
    store = MemoryStore(**OBJECTS, **{KEY: CAMPAIGN.as_bytes(), commit_key(0): data})
    read_commits(store)
    read_state(store)


def _read_summary(data: bytes) -> None:
    summary = ObjectReference(key=SUMMARY_REFERENCE.key, sha256=digest_of_bytes(data))
    commit = Commit(cycle=0, attempt="0123456789abcdef", objects={"summary": summary})
    store = MemoryStore(**{KEY: CAMPAIGN.as_bytes(), commit_key(0): commit.as_bytes(), summary.key: data})
    state = read_state(store)
    _ = state.phase, state.trained


def _read_decision(data: bytes) -> None:
    """Under the name that the attempt of this decision has, where it is one, as whoever has changed both would."""
    try:
        name = attempt_name(CAMPAIGN, Decision.model_validate_json(data))
    except ValueError:
        name = "0123456789abcdef"
    root = SCRATCH / "campaign"
    shutil.rmtree(root, ignore_errors=True)
    for key, content in {KEY: CAMPAIGN.as_bytes(), attempt_key(0, name, "decision.json"): data, **OBJECTS}.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    work = open_attempt(str(root), 0, name)
    work.labelled()
    work.votes()


def _read_record(data: bytes) -> None:
    """The record of a stage."""
    store = MemoryStore(**OBJECTS, **{attempt_key(0, "a", "results/score.json"): data})
    work = Attempt(store, CAMPAIGN, 0, "a", DECISION)
    work.recorded("score")
    work.read("scores.parquet")


def _read_timing(data: bytes) -> None:
    sum(timing.rows or 0 for timing in read_timings(MemoryStore(**{"cycles/0/a/timings/embed.json": data}), 0))


def _sealed_anew(value: Any) -> bytes:
    """With the seal that its content should have, where one can be made."""
    try:
        return sealed({name: inner for name, inner in value.items() if name != SEAL})
    except (AttributeError, ValueError, TypeError, RecursionError):
        return json.dumps(value).encode()


def _canonical(value: Any) -> bytes:
    try:
        return canonical_json(value)
    except (ValueError, RecursionError):
        return json.dumps(value).encode()


TARGETS = [
    Target("campaign-json", _read_campaign, (CAMPAIGN.as_bytes(),), json_mutation(_sealed_anew)),
    Target("campaign-references", _read_references, (CAMPAIGN.as_bytes(),), json_mutation(_sealed_anew)),
    Target("amendment-json", _read_amendment, (AMENDMENT.as_bytes(),), json_mutation(_sealed_anew)),
    Target("erasure-json", _read_erasure, (sealed(ERASURE.model_dump(mode="json")),), json_mutation(_sealed_anew)),
    Target("commit-json", _read_commit, (COMMIT.as_bytes(),), json_mutation(_sealed_anew)),
    Target(
        "decision-json",
        _read_decision,
        (canonical_json(DECISION.model_dump(mode="json")),),
        json_mutation(_canonical),
    ),
    Target("stage-record", _read_record, (sealed({"objects": RECORD}),), json_mutation(_sealed_anew)),
    Target("summary-json", _read_summary, (canonical_json(SUMMARY),), json_mutation(_canonical)),
    Target("timing-json", _read_timing, (canonical_json(TIMING),), json_mutation(_canonical)),
]
