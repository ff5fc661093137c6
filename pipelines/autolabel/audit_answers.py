"""The audit of a step: handed to people without what the machine thinks, and what they answered.

It goes to the campaign's labelling tool, and is a CSV where it has none, or where a label file has the answers.
"""

import csv
import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import newest_commit
from labelcycle.components.core.campaign.own_labels import is_own_table
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.votes import Vote, in_force
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import RESTORE, read_named
from labelcycle.components.core.storage.tables import TRUTH, table_in, with_schema
from labelcycle.components.labelling.consensus import consensus_of
from labelcycle.components.labelling.label_file import read_votes_file
from labelcycle.components.labelling.query_delivery import named_in_csv
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.autolabel.autolabel_records import place

HEADINGS = ("sample_id", "uri", "label", "status")


def audit_key(number: int, step: int) -> str:
    """Where the CSV of a step is, for people to fill in."""
    return place(number, f"audit-{step + 1}.csv")


def in_tool(campaign: Campaign, labels_from: str) -> bool:
    """Whether people answer in the campaign's labelling tool."""
    return audit_source(campaign, labels_from) is None and campaign.labelling.tool is not None


def ask_audit(
    store: Store, campaign: Campaign, number: int, step: int, samples: Iterable[str], labels_from: str
) -> str:
    """Hand out the samples of a step that have no answers yet. Returns where; a CSV that is there stays.

    Where several people answer each sample a CSV has a row for each answer, with a column for who gives it.

    Raises:
        TransientError: the labelling tool does not answer.
        ConfigurationError, CampaignError: the tool refuses; the message says what to do.
    """
    if in_tool(campaign, labels_from):
        from labelcycle.components.labelling.label_studio.send_query import publish_samples

        newest = newest_commit(store)
        return publish_samples(store, campaign, list(samples), 0 if newest is None else newest.cycle).project_url
    key = audit_key(number, step)
    if not store.exists(key):
        several = campaign.labelling.quorum > 1
        ids = list(samples)
        uris = sample_uris(store, campaign, ids)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*HEADINGS, *(["annotator"] if several else [])])
        for name in ids:
            for _ in range(campaign.labelling.quorum):
                writer.writerow([named_in_csv(name), uris.get(name) or "", "", "", *([""] if several else [])])
        store.write_if_absent(key, text.getvalue().encode())
    return store.locate(key)


def audit_source(campaign: Campaign, labels_from: str) -> str | None:
    """The label file that answers come from, besides the CSVs; None for none."""
    return labels_from or campaign.labels_from


def read_audit_answers(
    store: Store, campaign: Campaign, number: int, steps: int, samples: set[str], labels_from: str
) -> dict[str, tuple[str | None, str]]:
    """What people say about audited samples: the label, and the status of their consensus, by id.

    Args:
        store: the campaign's.
        campaign: the campaign.
        number: of the plan.
        steps: so many were asked for; their CSVs are read where there is no label file.
        samples: that were asked about.
        labels_from: a label file instead of the campaign's own source; empty for that.

    Raises:
        InputError: a row of a label file is wrong.
        TransientError: the labelling tool does not answer.
    """
    source = audit_source(campaign, labels_from)
    if in_tool(campaign, labels_from):
        from labelcycle.components.labelling.label_studio.read_votes import read_votes

        votes = [vote for vote in read_votes(store, campaign) if vote.sample_id in samples] if steps else []
    elif source is not None and is_own_table(source):
        votes = _own(store, campaign, source, samples)
    else:
        ids = SampleIds(lambda: sample_uris(store, campaign), samples, gone=read_withdrawn(store, campaign))
        files = [source] if source is not None else _handed_out(store, number, steps)
        votes = [
            vote
            for file in files
            for vote in read_votes_file(file, ids, campaign.classes, former_classes=campaign.former_classes)
            if vote.sample_id in samples
        ]
    last = list(in_force(votes).values())
    table = consensus_of(_whole(last, campaign.labelling.quorum), "majority", campaign.classes, {})
    rows = zip(*(table[name].to_pylist() for name in ("sample_id", "label", "status")), strict=True)
    return {name: (label, status) for name, label, status in rows}


def _handed_out(store: Store, number: int, steps: int) -> list[str]:
    """The CSVs of the first steps; a step whose samples had all been answered about has none."""
    keys = [audit_key(number, step) for step in range(steps)]
    return [store.locate(key) for key in keys if store.exists(key)]


def _whole(votes: list[Vote], quorum: int) -> list[Vote]:
    """The votes on samples that as many people have answered as are asked."""
    counts: dict[str, int] = {}
    for vote in votes:
        counts[vote.sample_id] = counts.get(vote.sample_id, 0) + 1
    return [vote for vote in votes if counts[vote.sample_id] >= quorum]


def _own(store: Store, campaign: Campaign, source: str, samples: set[str]) -> list[Vote]:
    """What the table of labels that the campaign keeps says; it plays as many people as are asked."""
    try:
        table = with_schema(table_in(read_named(store, source), TRUTH.names), TRUTH)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CampaignError(f"{store.locate(source)} is no table of labels: {error}. {RESTORE}") from error
    table = table.filter(pc.is_in(table["sample_id"], value_set=pa.array(sorted(samples), pa.string())))
    rows = zip(table["sample_id"].to_pylist(), table["label"].to_pylist(), strict=True)
    people = range(campaign.labelling.quorum)
    return [
        Vote(name, str(person), campaign.class_of(label.strip()), "ok", "", source)
        for name, label in rows
        if label.strip()
        for person in people
    ]
