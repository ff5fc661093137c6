"""What a campaign keeps as JSON: its description, commits, decisions, summaries and timings.

Most damages are caught by seals and digests. Where somebody has made these anew for a changed content, what is inside
is looked at too.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from labelcycle.components.core.attempt import Attempt, Decision, attempt_name, open_attempt
from labelcycle.components.core.campaign import KEY, Campaign, load_campaign, sample_uris
from labelcycle.components.core.commits import Commit, attempt_key, commit_key, read_commits
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.objects import ObjectReference
from labelcycle.components.core.recipe import read_recipe
from labelcycle.components.core.sealed_json import SEAL, sealed
from labelcycle.components.core.state import read_state
from labelcycle.components.core.timings import read_timings
from labelcycle.pipelines.recipes.catalogue import recipe_path
from tests.fuzz.json_mutation import json_mutation
from tests.fuzz.memory_store import MemoryStore
from tests.fuzz.target import Target

NOTHING = ObjectReference(key="pool/nothing.parquet", sha256=digest_of_bytes(b""))
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
    pool=NOTHING,
    truth=NOTHING,
    quarantine=NOTHING,
    labels_from=None,
)
COMMIT = Commit(cycle=0, attempt="0123456789abcdef", objects={"summary": NOTHING, "query": NOTHING})
DECISION = Decision(
    cycle=0,
    action="cold_start",
    labels=[NOTHING],
    new_labels=None,
    labelled=0,
    answered=0,
    query_size=5,
    previous={"summary": NOTHING},
    queries=[],
)
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
RECORD = {"scores.parquet": NOTHING.model_dump()}
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
    store = MemoryStore(**{KEY: data, NOTHING.key: b""})
    sample_uris(store, load_campaign(store))


def _read_commit(data: bytes) -> None:
    store = MemoryStore(**{KEY: CAMPAIGN.as_bytes(), commit_key(0): data, NOTHING.key: b""})
    read_commits(store)
    read_state(store)


def _read_summary(data: bytes) -> None:
    summary = ObjectReference(key="cycles/0/summary.json", sha256=digest_of_bytes(data))
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
    with tempfile.TemporaryDirectory(prefix="labelcycle-fuzz-") as root:
        for key, content in {KEY: CAMPAIGN.as_bytes(), attempt_key(0, name, "decision.json"): data}.items():
            path = Path(root) / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        work = open_attempt(root, 0, name)
        work.labelled()
        work.votes()


def _read_record(data: bytes) -> None:
    """The record of a stage."""
    store = MemoryStore(**{attempt_key(0, "a", "results/score.json"): data})
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
