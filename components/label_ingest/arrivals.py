"""What has arrived: the votes of the campaign's label source, compared with those that earlier cycles keep."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit, attempt_key
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.own_labels import is_own_table
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.rechecks import answer_name, as_second_answers, rechecked_samples
from labelcycle.components.core.campaign.starting_labels import starting_votes
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import RESTORE, read_named
from labelcycle.components.core.storage.tables import TRUTH, table_in, with_schema
from labelcycle.components.label_ingest.readiness import answers_to
from labelcycle.components.labelling.delivered_csv import read_delivered_csv
from labelcycle.components.labelling.delivery_record import QUERIES, delivery_key, read_delivery_record
from labelcycle.components.labelling.label_file import read_votes_file
from labelcycle.components.labelling.people import as_spelled_before
from labelcycle.components.labelling.sample_ids import SampleIds

Votes = dict[tuple[str, str], Vote]
"""Votes by sample and annotator."""


SLACK_SECONDS = 120.0
"""What is saved while a cycle takes in its labels, or by a clock that is slow by as much, is read with the next."""


@dataclass(frozen=True)
class Source:
    """Where answers are looked for.

    Attributes:
        name: its address, for people.
        everything_from: what votes from there name as their source, where all of them are read each time, so that one
            that is missing was taken back: the project where a tool has the query. Empty where a part may be read.
    """

    name: str
    everything_from: str = ""


def source_of(store: Store, campaign: Campaign, cycle: int, labels_from: str) -> Source:
    """The label source: `labels_from`, else the campaign's file or tool, else the CSV delivered for `cycle`."""
    source = labels_from or campaign.labels_from
    if source:
        return Source(_address(store, source))
    if campaign.labelling.tool is not None:
        record = read_delivery_record(store, cycle)
        project = "" if record is None else record.place
        return Source(project or campaign.labelling.tool.url, everything_from=project)
    return Source(store.locate(delivery_key(cycle)))


def read_source(
    store: Store, campaign: Campaign, last: Commit, requests: list[LabelRequest], kept: Votes, labels_from: str
) -> list[Vote]:
    """What the label source says about the samples that were asked for, and its corrections of known labels.

    Args:
        store: the campaign's.
        campaign: the campaign.
        last: the commit of the last cycle.
        requests: every request so far.
        kept: the votes of earlier cycles.
        labels_from: a label file instead of the campaign's own source; empty for that.

    Raises:
        InputError: a row of a label file is wrong.
        TransientError: the labelling tool does not answer.
    """
    if not requests:
        return []
    asked = {request.sample_id for request in requests}
    source = labels_from or campaign.labels_from
    if source is not None and is_own_table(source):
        return _own_votes(store, campaign, source, asked)
    votes = _read(store, campaign, last, requests, kept, labels_from)
    if source is not None:
        votes = as_second_answers(votes, rechecked_samples(requests), kept)
    corrections = _corrections(votes, starting_votes(store, campaign), kept, asked)
    return [vote for vote in votes if vote.sample_id in asked] + corrections


def new_votes(found: list[Vote], kept: Votes, everything_from: str = "") -> list[Vote]:
    """The votes that are new or changed, and those taken back, sorted by sample and annotator.

    Args:
        found: what the source says now.
        kept: the votes of earlier cycles.
        everything_from: that of the source.
    """
    news: Votes = {}
    for vote in found:
        key = (vote.sample_id, vote.annotator)
        before = kept.get(key)
        if before is None or (before.label, before.status) != (vote.label, vote.status):
            news[key] = vote
    present = {(vote.sample_id, vote.annotator) for vote in found}
    for key, vote in kept.items():
        if everything_from and vote.source == everything_from and key not in present:
            news[key] = Vote(vote.sample_id, vote.annotator, None, "withdrawn", vote.time, vote.source)
    return [news[key] for key in sorted(news)]


def _read(
    store: Store, campaign: Campaign, last: Commit, requests: list[LabelRequest], kept: Votes, labels_from: str
) -> list[Vote]:
    source = labels_from or campaign.labels_from
    if source is None and campaign.labelling.tool is not None:
        from labelcycle.components.labelling.label_studio.read_votes import read_votes

        return read_votes(store, campaign)
    ids = SampleIds(sample_uris(store, campaign), gone=read_withdrawn(store, campaign))
    if source is not None:
        taken_in, former = {sample_id for sample_id, _ in kept}, campaign.former_classes
        found = read_votes_file(source, ids, campaign.classes, former_classes=former, taken_in=taken_in)
        return as_spelled_before(found, kept)
    votes, strangers = _read_deliveries(store, campaign, last, requests, kept, ids)
    for address, count in strangers.items():
        rows = "1 row with an answer is of a sample" if count == 1 else f"{count} rows with answers are of samples"
        notice(f"{address}: {rows} that nobody asked for. Left out; labels that you have are for --known-labels.")
    return as_spelled_before(votes, kept)


def _corrections(votes: list[Vote], started: list[Vote], kept: Votes, asked: Collection[str]) -> list[Vote]:
    """Votes in the place of labels that the campaign began with, where all who label such a sample say another class.

    A label of the same class is no second vote, so that a file may hold what the campaign began with.
    """
    said: dict[str, list[Vote]] = {vote.sample_id: [] for vote in started if vote.sample_id not in asked}
    for vote in votes:
        if vote.status == "ok" and vote.sample_id in said:
            said[vote.sample_id].append(vote)
    found = []
    for name, given in said.items():
        before = kept.get((name, ""))
        if before is not None and len({vote.label for vote in given}) == 1 and given[-1].label != before.label:
            found.append(replace(given[-1], annotator=""))
    return found


def _own_votes(store: Store, campaign: Campaign, source: str, asked: Collection[str]) -> list[Vote]:
    """What the table of labels that the campaign keeps says about these samples.

    Its ids are the campaign's own, so that nothing has to be known of the rest of the pool.

    Raises:
        CampaignError: the table is gone, or was changed.
        InputError: a label is none of the campaign's classes.

    Cost: reads the table; memory for the labels of what was asked.
    """
    data = read_named(store, source)
    try:
        table = with_schema(table_in(data, TRUTH.names), TRUTH)
        table.validate(full=True)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CampaignError(f"{store.locate(source)} is no table of labels: {error}. {RESTORE}") from error
    table = table.filter(pc.is_in(table["sample_id"], value_set=pa.array(sorted(asked), pa.string())))
    rows = zip(table["sample_id"].to_pylist(), table["label"].to_pylist(), strict=True)
    said = ((name, label.strip()) for name, label in rows)
    votes = [Vote(name, "", campaign.class_of(label), "ok", "", source) for name, label in said if label]
    for vote in votes:
        if vote.label not in campaign.classes:
            classes = ", ".join(sorted(campaign.classes))
            raise InputError(
                f"{store.locate(source)}: {vote.label!r} of {vote.sample_id!r} is not one of the campaign's classes: "
                f"{classes}."
            )
    return votes


def _read_deliveries(
    store: Store, campaign: Campaign, last: Commit, requests: list[LabelRequest], kept: Votes, ids: SampleIds
) -> tuple[list[Vote], dict[str, int]]:
    """The CSVs of the last query, and of earlier ones that still lack answers or were corrected; several at once.

    A second opinion without a name is somebody else's than the first, and any answer to a recheck is another one.

    Returns:
        The votes, and how many are of samples that were neither asked for nor known, by the address of the CSV.
    """
    answers = answers_to(requests, kept.values(), campaign.labelling.quorum)
    cycles = {last.cycle, *(request.cycle for request in [*answers.begun, *answers.open])}
    earlier = {request.cycle for request in requests} - cycles
    cycles |= _rewritten(store, last, earlier) if earlier else set()
    further = {(request.cycle, request.sample_id): request for request in requests if request.opinion > 1}

    taken_in = {sample_id for sample_id, _ in kept}

    def read(cycle: int) -> list[Vote]:
        votes = read_delivered_csv(store, campaign, cycle, ids, taken_in)
        return [_named(vote, further.get((cycle, vote.sample_id))) for vote in votes]

    found = dict(zip(sorted(cycles), concurrently(read, sorted(cycles)), strict=True))
    ours = {request.sample_id for request in requests} | {name for name, _ in kept}
    counts = {
        store.locate(delivery_key(cycle)): sum(vote.sample_id not in ours for vote in votes)
        for cycle, votes in found.items()
    }
    return [vote for votes in found.values() for vote in votes], {
        name: count for name, count in counts.items() if count
    }


def _named(vote: Vote, further: LabelRequest | None) -> Vote:
    """The vote, under the name of an answer to a further request where it is no other person's by itself."""
    if further is None or (vote.annotator and not further.recheck):
        return vote
    return replace(vote, annotator=answer_name(vote.annotator, further.cycle))


def _rewritten(store: Store, last: Commit, cycles: Collection[int]) -> set[int]:
    """Which of these queries' CSVs were written since the last cycle took in its labels.

    Whatever was written before then was read then, and is among the votes that are kept.

    Cost: two listings, of as many names as there are queries.
    """
    decision = attempt_key(last.cycle, last.attempt, "decision.json")
    taken_in = store.written(decision).get(decision, 0.0) - SLACK_SECONDS
    written = store.written(f"{QUERIES}/")
    return {cycle for cycle in cycles if written.get(delivery_key(cycle), -math.inf) >= taken_in}


def _address(store: Store, source: str) -> str:
    """Where a label source is: its own address, or a key of the campaign's store.

    Votes have the key as their source all the same, so that a campaign is the same wherever it lies.
    """
    return store.locate(source) if is_own_table(source) else source
