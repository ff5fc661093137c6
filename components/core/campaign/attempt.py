"""One attempt at a cycle: what `label_ingest` decided, and where the attempt's objects are.

An attempt is named by a digest of the cycle's inputs, so runs of the same inputs share it and finish each other's work,
and runs of different inputs never overwrite each other.
"""

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.campaign import Campaign, load_campaign
from labelcycle.components.core.campaign.class_changes import classes_then
from labelcycle.components.core.campaign.commits import Commit, attempt_key
from labelcycle.components.core.campaign.decision import Decision, attempt_name
from labelcycle.components.core.campaign.history import History, read_history
from labelcycle.components.core.campaign.history_tables import read_requests, read_votes
from labelcycle.components.core.campaign.pool_ids import pool_ids
from labelcycle.components.core.campaign.test_set import to_learn_from, to_test_with
from labelcycle.components.core.campaign.vote_tables import labels_of, votes_in, votes_table
from labelcycle.components.core.campaign.votes import in_force, under_present_names
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.config.environment import is_main_process
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import (
    ObjectReference,
    Record,
    RecordType,
    fetch_object,
    read_object,
    read_record,
    sealed,
    unsealed,
)
from labelcycle.components.core.storage.tables import CONSENSUS, LABELS, read_table, table_bytes

RECORDS = "results"
"""The folder, within an attempt, of what its stages have recorded."""

DELETE_RECORD = "Delete it and run again: its stage then writes it again."


@dataclass(frozen=True)
class Attempt:
    """The attempt that a stage works on.

    What a stage writes lies under names that end in digests. Its record, written last, says which of them are the
    stage's results, and every read checks the digest.
    """

    store: Store
    campaign: Campaign
    cycle: int
    name: str
    decision: Decision
    _written: dict[str, ObjectReference] = field(default_factory=dict, repr=False, compare=False)
    _recorded: dict[str, ObjectReference] = field(default_factory=dict, repr=False, compare=False)

    def key(self, name: str) -> str:
        """Where this attempt keeps what it has one of, such as its decision or a checkpoint."""
        return attempt_key(self.cycle, self.name, name)

    def write_json(self, name: str, value: Any) -> ObjectReference:
        """Store `value` as JSON in this attempt."""
        return self.write(name, canonical_json(value))

    def write_record(self, name: str, record: Record) -> ObjectReference:
        """Store a record as JSON in this attempt."""
        return self.write_json(name, record.as_json())

    def write_table(self, name: str, table: pa.Table) -> ObjectReference:
        """Store a Parquet table in this attempt."""
        return self.write(name, table_bytes(table))

    def write(self, name: str, data: bytes) -> ObjectReference:
        """Store bytes in this attempt under their digest, and return the reference to them.

        Nobody else reads them by their name before `record` has said that the stage is done. Of several processes that
        run a stage together only the main one writes.
        """
        digest = digest_of_bytes(data)
        reference = ObjectReference(key=self.key(_with_digest(name, digest)), sha256=digest)
        if is_main_process():
            self.store.write(reference.key, data)
        self._written[name] = reference
        return reference

    def record(self, stage: str) -> bool:
        """End a stage: say what it wrote, once and for all. A stage has run if and only if its record is there.

        Where another run of the stage came first, this one goes on with what that one wrote: the two may have computed
        different numbers, on other hardware or with another number of threads, and objects of both must never meet.

        Args:
            stage: its name, with the shard where it works in shards.

        Returns:
            Whether what this run wrote is what counts.
        """
        if not is_main_process():
            return True
        objects = {name: reference.model_dump() for name, reference in self._written.items()}
        if self.store.write_if_absent(self._record_key(stage), sealed({"objects": objects})):
            return True
        first = self._read_record(self._record_key(stage))
        mine = first == self._written
        self._written.clear()
        self._written.update(first)
        return mine

    def recorded(self, stage: str) -> bool:
        """Whether the stage has run for this attempt, and all that it wrote is still as it was.

        Cost: reads the objects of the stage.
        """
        try:
            for reference in self._read_record(self._record_key(stage)).values():
                fetch_object(self.store, reference)
        except (FileNotFoundError, CampaignError):
            return False
        return True

    def reference(self, name: str) -> ObjectReference:
        """The reference to an object of this attempt: one that this stage has written, or that an earlier one recorded.

        Raises:
            CampaignError: that stage has not run.
        """
        if name not in self._written and name not in self._recorded:
            for key in self.store.keys(self.key(f"{RECORDS}/")):
                self._recorded.update(self._read_record(key))
        reference = self._written.get(name) or self._recorded.get(name)
        if reference is None:
            raise CampaignError(
                f"{self.store.locate(self.key(name))} is missing: its stage has not run for this attempt."
            )
        return reference

    def read_json(self, name: str) -> Any:
        """An earlier stage's JSON object of this attempt.

        Raises:
            CampaignError: that stage has not run, or the object was changed.
        """
        return json.loads(self.read(name))

    def read_record(self, name: str, kind: type[RecordType]) -> RecordType:
        """The record that an earlier stage of this attempt wrote.

        Raises:
            CampaignError: that stage has not run, or the object was changed or is no such record.
        """
        return kind.from_json(self.read(name), self.store.locate(self.reference(name).key), self._remedy)

    def read(self, name: str) -> bytes:
        """An earlier stage's object of this attempt.

        Raises:
            CampaignError: that stage has not run, or the object was changed.
        """
        return read_object(self.store, self.reference(name), self._remedy)

    def fetch(self, name: str) -> Path:
        """A local file with an earlier stage's object of this attempt, to be read only.

        Raises:
            CampaignError: that stage has not run, or the object was changed.
        """
        return fetch_object(self.store, self.reference(name), self._remedy)

    @property
    def _remedy(self) -> str:
        """What to do about a damaged object: until the cycle is committed its stages can write it again."""
        return (
            f"Delete {self.store.locate(self.key(RECORDS))} and run again, or restore it where its cycle is committed."
        )

    def _record_key(self, stage: str) -> str:
        return self.key(f"{RECORDS}/{stage}.json")

    def _read_record(self, key: str) -> dict[str, ObjectReference]:
        address = self.store.locate(key)
        content = unsealed(self.store.read(key), address, "the record of a stage", DELETE_RECORD)
        try:
            return {name: ObjectReference.model_validate(value) for name, value in content["objects"].items()}
        except (KeyError, AttributeError, ValidationError) as error:
            raise CampaignError(f"{address} is not the record of a stage. {DELETE_RECORD}") from error

    @functools.cached_property
    def pool_ids(self) -> pa.Table:
        """All ids of the pool with their splits, rows of `POOL_IDS` sorted by id, read once."""
        return pool_ids(self.store, self.campaign)

    def votes(self) -> pa.Table:
        """The votes in force, the last of each person on each sample: rows of `LABELS` by sample and annotator.

        Classes have the names that are in force for this cycle. Votes on samples that were withdrawn are left out.
        """
        new = [] if self.decision.new_labels is None else [self.decision.new_labels]
        references = self.decision.labels or new
        earlier = LABELS.empty_table()
        if self.decision.history is not None and self.campaign.recipe.data_selection is None:
            earlier = read_votes(self.store, read_history(self.store, self.decision.history))
        tables = concurrently(lambda reference: read_table(self.store, reference, LABELS), references)
        cast = under_present_names(votes_in(pa.concat_tables([earlier, *tables])), self.campaign.former_classes)
        votes = in_force(cast)
        withdrawn = read_withdrawn(self.store, self.campaign).ids
        return votes_table([votes[key] for key in sorted(votes) if key[0] not in withdrawn])

    def requests(self) -> pa.Table:
        """Everything that was asked before this cycle: rows of `REQUESTS`, in the order of cycles and ranks."""
        if self.decision.history is not None:
            return read_requests(self.store, read_history(self.store, self.decision.history))
        commits = [
            Commit(cycle=cycle, attempt="", objects={"query": query})
            for cycle, query in enumerate(self.decision.queries)
        ]
        return read_requests(self.store, History(), commits)

    def consensus(self) -> pa.Table:
        """What the votes come to: rows of `CONSENSUS` sorted by sample; none before the first labels."""
        if self.decision.consensus is None:
            return CONSENSUS.empty_table()
        return read_table(self.store, self.decision.consensus, CONSENSUS)

    def labelled(self) -> dict[str, str]:
        """The class of each sample to learn from, sorted by id; skipped, unsure and disputed ones are left out."""
        return to_learn_from(self.store, self.campaign, labels_of(self.consensus()))

    def tested(self) -> dict[str, str]:
        """The class of each sample to test with, sorted by id; those that people have still to label are missing."""
        return to_test_with(self.store, self.campaign, self.pool_ids, labels_of(self.consensus()))

    def classes_before(self) -> list[str]:
        """The classes of the cycle before this one, which are those of its head. Cost: that of `classes_then`."""
        then = self.decision.previous.get("amendment")
        return classes_then(self.store, self.campaign, self.decision.amendment, then)

    def previous_record(self, name: str, kind: type[RecordType]) -> RecordType | None:
        """A record of the commit before this cycle, or None where it has none of that name."""
        reference = self.decision.previous.get(name)
        return None if reference is None else read_record(self.store, reference, kind)


def open_attempt(root: str, cycle: int, attempt: str) -> Attempt:
    """The attempt that `label_ingest` prepared.

    Raises:
        CampaignError: no campaign at `root`, or no such attempt.
    """
    return attempt_in(open_store(root), cycle, attempt)


def attempt_in(store: Store, cycle: int, attempt: str) -> Attempt:
    """The attempt that `label_ingest` prepared in a store, as `open_attempt`."""
    campaign = load_campaign(store)
    try:
        data = store.read(attempt_key(cycle, attempt, "decision.json"))
    except FileNotFoundError as error:
        raise CampaignError(
            f"No attempt {attempt!r} at cycle {cycle} of {store.root}. Run the label_ingest stage first; it names one."
        ) from error
    address = store.locate(attempt_key(cycle, attempt, "decision.json"))
    try:
        decision = Decision.model_validate_json(data)
    except ValidationError as error:
        raise CampaignError(f"{address} is not a decision. Delete it and run label_ingest again.") from error
    if attempt_name(campaign, decision) != attempt:
        raise CampaignError(
            f"{address} is not the decision of attempt {attempt!r} of this campaign: one of the two was changed. "
            "Delete it and run label_ingest again."
        )
    if decision.amendment is not None:
        campaign = read_amended_campaign(store, campaign).as_of(decision.amendment)
    return Attempt(store, campaign, cycle, attempt, decision)


def _with_digest(name: str, sha256: str) -> str:
    """`adapter/model.safetensors` → `adapter/model-0123456789abcdef.safetensors`."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{sha256[:16]}{path.suffix}"))
