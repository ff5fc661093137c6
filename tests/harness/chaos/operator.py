"""What an operator does with a campaign, from whatever state it was left in: begin, run, finalize, promote."""

import importlib
import subprocess
import sys
from typing import Any
from unittest import mock

from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.runtime.observation import emit
from labelcycle.components.core.storage import open_store
from tests.harness.chaos.data import Data
from tests.harness.chaos.workloads import BATCH, Workload

DONE, WAITING = 0, 3


def carry_on(root: str, workload: Workload, data: Data) -> int:
    """Do all that is left to do. Returns the exit code of the last command."""
    with_events("init", lambda: begin(root, workload, data))
    if workload.by_command:
        return subprocess.call([sys.executable, "-m", "labelcycle.pipelines.cli.main", "run", root])
    decision = ""
    while decision not in ("wait", "done"):
        if workload.amended:
            with_events("amend", lambda: amend_as_planned(root, workload, data))
        decision = run_cycle(root, workload.shards)
    if decision == "wait":
        return WAITING
    if workload.finalize:
        run_cycle(root, workload.shards, finalize=True)
    with_events("promote", lambda: promote_last(root))
    return DONE


def begin(root: str, workload: Workload, data: Data) -> None:
    """`labelcycle init`, which may be asked again."""
    from labelcycle.pipelines.initialise.begin import begin_campaign

    begin_campaign(root, workload.request(data))


def amend_as_planned(root: str, workload: Workload, data: Data) -> None:
    """`labelcycle amend`: after the first query, once the budget is spent, and later."""
    from labelcycle.pipelines.amending import amend

    store = open_store(root)
    state = read_state(store)
    number = len(state.amended.amendments) if state.amended is not None else 0
    plan = _plan_of_samples(state, data) if workload.amended == "samples" else _plan_of_classes(state)
    if number < len(plan) and plan[number][0]:
        with mock.patch.object(amend, "now", lambda: "2026-01-01T00:00:00+00:00"):
            amend.amend_campaign(store, amend.WantedChanges(**plan[number][1]), "as planned")


Plan = list[tuple[bool, dict[str, Any]]]
"""Whether it is time for each amendment, and what it changes."""


def _plan_of_classes(state: State) -> Plan:
    return [
        (len(state.commits) == 1, {"batch": BATCH // 2, "renamed": ["blue=navy"], "classes": ["+violet"]}),
        (state.phase == "done", {"budget": 2 * BATCH, "merged": ["green,red=warm"], "prices": {"label": 2.0}}),
        (len(state.commits) == 3, {"renamed": ["warm=red"]}),
    ]


def _plan_of_samples(state: State, data: Data) -> Plan:
    from labelcycle.pipelines.amending.sample_changes import WantedSamples

    more = WantedSamples(embeddings=str(data.more_embeddings))
    return [
        (len(state.commits) == 1, {"batch": BATCH // 2}),
        (state.phase == "done", {"budget": 2 * BATCH, "samples": more}),
        (len(state.commits) == 3, {"samples": WantedSamples(withdraw=str(data.withdrawn))}),
    ]


def run_cycle(root: str, shards: int = 1, finalize: bool = False, labels_from: str = "") -> str:
    """The stages of one pipeline run, one after another in this process. Returns what label_ingest decided."""
    facts = _stage("label_ingest")(root=root, labels_from=labels_from, finalize=finalize)
    if facts.decision in ("wait", "done"):
        return str(facts.decision)
    work = {"root": root, "cycle": facts.cycle, "attempt": facts.attempt}
    for shard in range(shards):
        _stage("embed")(**work, target="base", shard=shard, shards=shards)
    if facts.decision == "train":
        _stage("train_adapter")(**work)
        for shard in range(shards):
            _stage("embed")(**work, target="tuned", shard=shard, shards=shards)
        _stage("evaluate")(**work)
        for shard in range(shards):
            _stage("score")(**work, shard=shard, shards=shards)
        _stage("select")(**work, shards=shards)
    else:
        _stage("select")(**work)
    _stage("publish")(**work)
    return str(facts.decision)


def promote_last(root: str) -> None:
    """`labelcycle promote`: judge the models that nobody has judged, and the last one again with a wide gate."""
    from labelcycle.components.tracking.promoting import promote, trained_commits
    from labelcycle.components.tracking.promotion import Gate

    store = open_store(root)
    state = read_state(store)
    promote(store, state, trained_commits(state)[-1], Gate(tolerance=1.0, class_margin=1.0))


def with_events(stage: str, work: Any) -> None:
    """Tell of a step that is no stage as stages tell of themselves."""
    emit("started", stage=stage)
    work()
    emit("finished", stage=stage)


def _stage(name: str) -> Any:
    return importlib.import_module(f"labelcycle.components.{name}.stage").run
