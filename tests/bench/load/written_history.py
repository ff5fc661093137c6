"""A campaign of many committed cycles that were never trained, written by the functions that stages write with.

Cycle 0 and the first trained cycle are run. The cycles after them are copies of it in all that no history reads: head,
training and figures. Queries, votes, the consensus of all votes, decisions, records of stages, summaries, timings,
commits, deliveries and receipts are their own.
"""

import csv
import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelcycle.components.core.campaign import history, history_tables
from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit, attempt_key, write_commit
from labelcycle.components.core.campaign.decision import Decision, attempt_name
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.campaign.summary import read_summary
from labelcycle.components.core.campaign.vote_tables import votes_table
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.runtime.seconds_by_cycle import sum_up_cycles
from labelcycle.components.core.runtime.timings import Timing, write_timing
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference, write_json, write_object
from labelcycle.components.core.storage.tables import QUERY, table_bytes
from labelcycle.components.labelling.consensus import consensus_of
from labelcycle.components.labelling.query_delivery import deliver_query
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign

CLASSES = 5
WIDTH = 8
TRAINED = ("train_adapter", "evaluate", "score", "select", "publish")
COPIED = ("head.safetensors", "training.json", "metrics.json", "label_suspects.parquet")


def write_history(root: str, embeddings: str, answers: str, cycles: int, batch: int) -> dict[str, int]:
    """Write it, the vectors that it begins with, and a label file with every answer.

    Returns:
        Bytes of all objects by kind: decisions, votes, consensus, queries, promotions and the rest.
    """
    names = [f"sample {number:07d}" for number in range((cycles + 20) * batch * 5 // 4)]
    _write_embeddings(embeddings, names)
    labels = {name: f"class {number % CLASSES}" for number, name in enumerate(names)}
    _write_answers(Path(answers), labels)
    quick = {"trainer.epochs": 2}
    begin_campaign(
        root,
        CampaignSettings(
            recipe="linear_probe",
            budget=(cycles + 10) * batch,
            batch=batch,
            embeddings=embeddings,
            overrides=quick,
            price_cpu_hour=0.1,
        ),
    )
    for _ in range(min(2, cycles)):
        _run_cycle(root, answers)
    store = open_store(root)
    _Writer(store, names, labels, batch).write_up_to(cycles)
    sum_up_cycles(store, cycles)
    return _sizes(store)


def _write_embeddings(path: str, names: list[str]) -> None:
    generator = np.random.default_rng(1)
    classes = np.arange(len(names)) % CLASSES
    features = generator.normal(size=(len(names), WIDTH)) + 3 * np.eye(CLASSES, WIDTH)[classes]
    np.savez(
        path,
        ids=np.array(names),
        features=features.astype(np.float32),
        labels=np.array([f"class {number}" if row % 21 == 20 else "" for row, number in enumerate(classes)]),
        splits=np.where(np.arange(len(names)) % 21 == 20, "test", "pool"),
    )


def _write_answers(path: Path, labels: dict[str, str]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("sample_id", "label"), *labels.items()])


def _run_cycle(root: str, answers: str) -> None:
    def run(stage: str, **settings: Any) -> Any:
        return importlib.import_module(f"labelcycle.components.{stage}.stage").run(root=root, **settings)

    facts = run("label_ingest", labels_from=answers)
    for stage in TRAINED if facts.decision == "train" else ("select", "publish"):
        run(stage, cycle=facts.cycle, attempt=facts.attempt)


class _Writer:
    """Commits cycle after cycle; keeps what the next one refers to, so that nothing is read back."""

    def __init__(self, store: Store, names: list[str], labels: dict[str, str], batch: int) -> None:
        state = read_state(store)
        self._store, self._campaign, self._labels, self._batch = store, state.campaign, labels, batch
        self._commits = state.commits
        self._template = open_attempt(store.root, state.commits[-1].cycle, state.commits[-1].attempt)
        self._summary = self._template.read_json("summary.json")
        self._copies = {name: self._template.read(name) for name in COPIED}
        self._votes = [
            Vote(
                row["sample_id"], row["annotator"] or "", row["label"], row["status"], row["time"] or "", row["source"]
            )
            for row in self._template.votes().to_pylist()
        ]
        self._source = self._votes[0].source
        self._consensus = self._template.consensus()
        asked = {vote.sample_id for vote in self._votes}
        self._last = _ids_of_query(self._template)
        test = {name for row, name in enumerate(names) if row % 21 == 20}
        self._unasked = [name for name in names if name not in asked | set(self._last) | test]

    def write_up_to(self, cycles: int) -> None:
        """Commit cycles until there are so many."""
        while len(self._commits) < cycles:
            self._commit()

    def _commit(self) -> None:
        cycle, campaign = len(self._commits), self._campaign
        fresh = [Vote(name, "", self._labels[name], "ok", "", self._source) for name in sorted(self._last)]
        self._votes += fresh
        new = _kept(self._store, "labels", cycle, votes_table(fresh))
        of_fresh = consensus_of(fresh, "majority", campaign.classes, {})
        self._consensus = pa.concat_tables([self._consensus, of_fresh]).sort_by("sample_id")
        consensus = _kept(self._store, "consensus", cycle, self._consensus)
        extended = self._extended_history()
        decision = Decision(
            cycle=cycle,
            action="train",
            new_labels=new,
            consensus=consensus,
            labelled=len(self._votes),
            answered=len(self._votes),
            query_size=self._batch,
            previous=self._commits[-1].objects,
            history=extended,
        )
        work, written = self._attempt(campaign, decision)
        self._last, self._unasked = self._unasked[: self._batch], self._unasked[self._batch :]
        query = work.write_table("query.parquet", _query(self._last))
        objects = {name.partition(".")[0]: work.write(name, data) for name, data in self._copies.items()}
        objects["report"] = work.write("report.html", b"<p>A report.</p>")
        accuracy = 0.5 + 0.4 * cycle / (cycle + 50)
        judged = {"known": self._batch // 2, "unknown": self._batch // 2, "known_unknown_ratio": 1.0}
        summary = {**self._summary, "cycle": cycle, "labels": len(self._votes), "answers": len(self._votes)}
        summary |= {"accuracy": accuracy, "previous_query": judged}
        objects["summary"] = work.write_json("summary.json", summary)
        for stage in TRAINED:
            work.record(stage)
            seconds = {"wall_seconds": 2.0, "cpu_seconds": 1.0, "gpu_seconds": 0.0}
            timing = Timing(stage=stage, started=60.0 * cycle, **seconds, rows=10, peak_memory_bytes=10**9)
            write_timing(self._store, cycle, work.name, timing)
        objects |= {"decision": written, "query": query, "labels": new, "consensus": consensus, "history": extended}
        commit = Commit(cycle=cycle, attempt=work.name, objects=objects)
        assert write_commit(self._store, commit)
        deliver_query(self._store, campaign, commit)
        self._commits.append(commit)

    def _extended_history(self) -> ObjectReference:
        """The history of all cycles so far, as label_ingest writes it."""
        before = history.history_of(self._store, self._commits[-1])
        later = [
            history.PastCycle(commit=commit, summary=read_summary(self._store, commit))
            for commit in self._commits[before.cycles :]
        ]
        return history_tables.write_history(self._store, before, later)

    def _attempt(self, campaign: Campaign, decision: Decision) -> tuple[Attempt, ObjectReference]:
        """The attempt, and the reference to its decision, which is written."""
        name = attempt_name(campaign, decision)
        key = attempt_key(decision.cycle, name, "decision.json")
        written = write_json(self._store, key, decision.model_dump(mode="json"))
        return Attempt(self._store, campaign, decision.cycle, name, decision), written


def _kept(store: Store, folder: str, cycle: int, table: pa.Table) -> ObjectReference:
    data = table_bytes(table)
    return write_object(store, f"{folder}/{cycle}-{digest_of_bytes(data)[:16]}.parquet", data)


def _ids_of_query(work: Attempt) -> list[str]:
    import pyarrow.parquet as pq

    names: list[str] = pq.read_table(io.BytesIO(work.read("query.parquet")))["sample_id"].to_pylist()
    return names


def _query(names: list[str]) -> pa.Table:
    rows = [
        {"sample_id": name, "rank": rank, "reason": "the least sure", "predicted": "class 0", "opinion": 1}
        for rank, name in enumerate(names, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=QUERY)


def _sizes(store: Store) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for key in store.keys(""):
        kind = "decisions" if key.endswith("/decision.json") else key.partition("/")[0]
        sizes[kind] = sizes.get(kind, 0) + len(store.read(key))
    return sizes
