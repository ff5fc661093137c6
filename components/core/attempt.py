"""One attempt at a cycle: what `label_ingest` decided, and where the attempt's objects are.

An attempt is named by a digest of the cycle's inputs, so runs of the same inputs share it and finish each other's work,
and runs of different inputs never overwrite each other.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from pydantic import ValidationError

from labelcycle.components.core.campaign import Campaign, load_campaign
from labelcycle.components.core.commits import attempt_key, read_commit
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.objects import ObjectReference, read_json, write_object
from labelcycle.components.core.processes import is_main_process
from labelcycle.components.core.schemas import CONSENSUS, LABELS
from labelcycle.components.core.settings import Settings
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.tables import read_table, table_bytes
from labelcycle.components.core.votes import in_force, labels_of, votes_in, votes_table

Action = Literal["cold_start", "train", "finalize"]


class Decision(Settings):
    """What this cycle does and on which labels; `decision.json`, the first object of an attempt.

    `finalize` trains the model that the campaign keeps, and asks for no more labels. `labels` are the votes, in the
    order in which they came, and `consensus` what they come to. `answered` of the samples asked for have their answers,
    and `outstanding` have not.
    """

    cycle: int
    action: Action
    labels: list[ObjectReference]
    new_labels: ObjectReference | None
    consensus: ObjectReference | None = None
    labelled: int
    answered: int
    outstanding: int = 0
    query_size: int
    previous: dict[str, ObjectReference]
    queries: list[ObjectReference]

    @property
    def trains(self) -> bool:
        """Whether this cycle trains a model."""
        return self.action != "cold_start"


@dataclass(frozen=True)
class Attempt:
    """The attempt that a stage works on."""

    store: Store
    campaign: Campaign
    cycle: int
    name: str
    decision: Decision

    def key(self, name: str) -> str:
        """Where this attempt keeps the object called `name`."""
        return attempt_key(self.cycle, self.name, name)

    def write_json(self, name: str, value: Any) -> ObjectReference:
        """Store `value` as JSON in this attempt."""
        return self.write(name, canonical_json(value))

    def write_table(self, name: str, table: pa.Table) -> ObjectReference:
        """Store a Parquet table in this attempt."""
        return self.write(name, table_bytes(table))

    def write(self, name: str, data: bytes) -> ObjectReference:
        """Store bytes in this attempt, and return the reference to them.

        What the cycle's commit names stays as it is, and its reference is returned: a stage that comes late, or is run
        again, may have trained to another result (on other hardware, or with another number of threads). Of several
        processes that run a stage together only the main one writes.
        """
        key = self.key(name)
        commit = read_commit(self.store, self.cycle)
        committed = commit.objects.values() if commit is not None else ()
        for reference in committed:
            if reference.key == key:
                return reference
        if not is_main_process():
            return ObjectReference(key=key, sha256=digest_of_bytes(data))
        return write_object(self.store, key, data)

    def read_json(self, name: str) -> Any:
        """An earlier stage's JSON object of this attempt.

        Raises:
            CampaignError: that stage has not run.
        """
        return json.loads(self.read(name))

    def read(self, name: str) -> bytes:
        """An earlier stage's object of this attempt.

        Raises:
            CampaignError: that stage has not run.
        """
        try:
            return self.store.read(self.key(name))
        except FileNotFoundError as error:
            raise CampaignError(
                f"{self.store.locate(self.key(name))} is missing: its stage has not run for this attempt."
            ) from error

    def votes(self) -> pa.Table:
        """The votes in force, the last of each person on each sample: rows of `LABELS` by sample and annotator."""
        tables = [read_table(self.store, reference, LABELS) for reference in self.decision.labels]
        votes = in_force(votes_in(pa.concat_tables([LABELS.empty_table(), *tables])))
        return votes_table([votes[key] for key in sorted(votes)])

    def consensus(self) -> pa.Table:
        """What the votes come to: rows of `CONSENSUS` sorted by sample; none before the first labels."""
        if self.decision.consensus is None:
            return CONSENSUS.empty_table()
        return read_table(self.store, self.decision.consensus, CONSENSUS)

    def labelled(self) -> dict[str, str]:
        """The class of each labelled sample, sorted by id; skipped, unsure and disputed ones are not among them."""
        return labels_of(self.consensus())

    def previous_json(self, name: str) -> Any | None:
        """A JSON object of the commit before this cycle, or None where it has none of that name."""
        reference = self.decision.previous.get(name)
        return None if reference is None else read_json(self.store, reference)


def open_attempt(root: str, cycle: int, attempt: str) -> Attempt:
    """The attempt that `label_ingest` prepared.

    Raises:
        CampaignError: no campaign at `root`, or no such attempt.
    """
    store = open_store(root)
    campaign = load_campaign(store)
    key = attempt_key(cycle, attempt, "decision.json")
    try:
        decision = Decision.model_validate_json(store.read(key))
    except FileNotFoundError as error:
        raise CampaignError(
            f"No attempt {attempt!r} at cycle {cycle} of {store.root}. Run the label_ingest stage first; it names one."
        ) from error
    except ValidationError as error:
        raise CampaignError(f"{store.locate(key)} is not a decision. Delete it and run label_ingest again.") from error
    return Attempt(store, campaign, cycle, attempt, decision)
