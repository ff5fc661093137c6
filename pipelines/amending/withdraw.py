"""Samples that people take out of a campaign: a wrong upload, or an image that must not be used."""

from collections.abc import Collection
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.sample_tables import SampleTables, without
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.vote_tables import labels_of
from labelcycle.components.core.campaign.withdrawn import REASON, WITHDRAWN, read_withdrawn
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import CONSENSUS, QUARANTINE, read_table
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.initialise.sample_lists import read_ids

FEW = 5
"""Classes that a notice names."""


def without_listed(store: Store, state: State, tables: SampleTables, file: str) -> SampleTables:
    """The tables without the samples that a file names; label files may still name them.

    Args:
        store: the campaign's.
        state: the campaign's.
        tables: of its samples.
        file: a path or `s3://` URI: a CSV file with the column sample_id, or one id a line.

    Raises:
        ConfigurationError: nothing would be left to ask for or to test with, or all were withdrawn before.
        InputError: the file cannot be read, or names what is no sample.

    Cost: reads the file, and the labels so far.
    """
    named = named_samples(store, state.campaign, file, tell=True)
    before = already_withdrawn(store, state.campaign, named)
    gone = named - before
    if before:
        many = "1 sample was" if len(before) == 1 else f"{len(before):,} samples were"
        notice(f"{file}: {many} withdrawn before.")
    if not gone:
        remedy = " To erase what was withdrawn: --erase." if before else ""
        raise ConfigurationError(f"{file} names no sample that could be withdrawn, so nothing would change.{remedy}")
    pool = without(tables.pool, gone)
    _refuse_nothing_left(tables.pool, pool, file)
    _tell_of_classes(store, state, tables, gone)
    removed = tables.pool.filter(pc.is_in(tables.pool["sample_id"], value_set=pa.array(sorted(gone), pa.string())))
    digests = dict(zip(removed["sample_id"].to_pylist(), removed["sha256"].to_pylist(), strict=True))
    rows = [{"sample_id": name, "sha256": digests.get(name)} for name in sorted(gone)]
    aside = [{"sample_id": name, "uri": None, "reason": REASON} for name in sorted(gone)]
    others = without(tables.quarantine, gone)
    quarantine = pa.concat_tables([others, pa.Table.from_pylist(aside, schema=QUARANTINE)])
    return replace(
        tables,
        pool=pool.combine_chunks(),
        truth={name: label for name, label in tables.truth.items() if name not in gone},
        quarantine=quarantine.sort_by("sample_id").combine_chunks(),
        withdrawn=pa.concat_tables([tables.withdrawn, pa.Table.from_pylist(rows, schema=WITHDRAWN)]),
    )


def named_samples(store: Store, campaign: Campaign, file: str, tell: bool = False) -> frozenset[str]:
    """The samples in a file of ids, one a line or CSV with the column sample_id, withdrawn and erased ones too.

    With `tell` a notice says how many there are.

    Raises:
        InputError: the file cannot be read, or names what is no sample.
    """
    known = SampleIds(sample_uris(store, campaign), gone=read_withdrawn(store, campaign))
    return frozenset(read_ids(file, known, header="sample_id", tell=tell))


def already_withdrawn(store: Store, campaign: Campaign, named: Collection[str]) -> frozenset[str]:
    """Those of some samples that were withdrawn before, erased ones among them."""
    withdrawn = read_withdrawn(store, campaign)
    return frozenset(name for name in named if name in withdrawn)


def all_withdrawn(store: Store, file: str) -> bool:
    """Whether every sample that a file names was withdrawn before."""
    campaign = read_amended_campaign(store).campaign
    named = named_samples(store, campaign, file)
    return bool(named) and named == already_withdrawn(store, campaign, named)


def _refuse_nothing_left(before: pa.Table, after: pa.Table, file: str) -> None:
    """See that there are still samples to ask for, and to measure a model with where there were.

    Raises:
        ConfigurationError: there are none.
    """
    for split, what, remedy in (
        ("test", "the whole test set", "Add others first, with labelcycle amend --test."),
        ("val", "the whole validation split", "Leave one of it out."),
        ("pool", "every sample of the pool", "Add others first, with labelcycle amend --images."),
    ):
        count = pc.sum(pc.equal(before["split"], split)).as_py() or 0
        if count and not (pc.sum(pc.equal(after["split"], split)).as_py() or 0):
            raise ConfigurationError(f"{file} would withdraw {what}, {count:,} samples. {remedy}")


def _tell_of_classes(store: Store, state: State, tables: SampleTables, gone: frozenset[str]) -> None:
    """Name the classes that lose their only labelled, or only tested, samples. The campaign goes on without them."""
    reference = state.commits[-1].objects.get("consensus") if state.commits else None
    labels = {} if reference is None else labels_of(read_table(store, reference, CONSENSUS))
    splits = tables.splits
    tested = {name: label for name, label in tables.truth.items() if splits.get(name) == "test"}
    for labels_of_samples, words in (
        (labels, "labelled sample is left of these classes, so that no model knows them until one is labelled"),
        (tested, "test sample is left of these classes, so that how well a model knows them is not measured"),
    ):
        kept = {label for name, label in labels_of_samples.items() if name not in gone}
        lost = set(labels_of_samples.values()) - kept
        if lost:
            names = sorted(lost)
            notice(f"No {words}: {', '.join(names[:FEW])}{', …' if len(names) > FEW else ''}.")
