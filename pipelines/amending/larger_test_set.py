"""A larger or another test set for a campaign that has begun: samples that no model has learnt from."""

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.history_tables import read_requests
from labelcycle.components.core.campaign.sample_tables import SampleTables, without
from labelcycle.components.core.campaign.starting_labels import starting_votes
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import POOL, QUARANTINE
from labelcycle.components.labelling.label_file import read_label_file
from labelcycle.components.labelling.sample_ids import SampleIds


def with_tested(store: Store, state: State, campaign: Campaign, tables: SampleTables, file: str) -> SampleTables:
    """The tables with the samples of a label file in the test set, beside those that are in it.

    Files that are the same as one of them leave the pool. A sample that is in the test set already gets the file's
    label.

    Args:
        store: the campaign's.
        state: the campaign's.
        campaign: as it is with the amendment's other changes.
        tables: of its samples, new ones of the same amendment among them.
        file: a label file, or a folder of them, as `labelcycle init --test` takes it.

    Raises:
        ConfigurationError: people label the test set, nothing would change, or the pool would be empty.
        InputError: the file is wrong, or a sample was asked for or learnt from.

    Cost: reads the file, and what was asked for so far.
    """
    if campaign.test_from_budget:
        raise ConfigurationError(
            "People label the test set of this campaign, which the first query asked for; it cannot be given. Begin "
            "another campaign with labelcycle init --test."
        )
    known = {row["sample_id"]: row["uri"] for row in tables.quarantine.select(["sample_id", "uri"]).to_pylist()}
    known |= dict(zip(tables.pool["sample_id"].to_pylist(), tables.pool["uri"].to_pylist(), strict=True))
    answers = read_label_file(file, SampleIds(known), campaign.classes, campaign.former_classes)
    splits = tables.splits
    labels = {name: one.label for name, one in answers.items() if one.label is not None and name in splits}
    if unusable := len(answers) - len(labels):
        notice(f"{file}: {unusable:,} rows are of samples that are set aside or withdrawn, or say no class.")
    if in_validation := sorted(name for name in labels if splits[name] == "val"):
        raise InputError(f"{file}: {in_validation[0]!r} is in the validation split. Leave it out.")
    moved = {name for name in labels if splits[name] == "pool"}
    copies = _copies(tables.pool, splits, moved)
    _refuse_asked_for(_asked_for(store, state), moved, copies, file)
    corrected = sum(splits[name] == "test" and tables.truth.get(name) != label for name, label in labels.items())
    if not moved and not corrected:
        raise ConfigurationError(f"{file} names no sample that is not in the test set, so nothing would change.")
    notice(
        f"{file}: {len(moved):,} samples join the test set"
        + (f", {corrected:,} there get another label" if corrected else "")
        + (f"; {len(copies):,} of the pool are the same files and are set aside" if copies else "")
        + "."
    )
    return _moved(tables, labels, moved, copies)


def _moved(tables: SampleTables, labels: Mapping[str, str], moved: set[str], copies: Mapping[str, str]) -> SampleTables:
    """The tables once samples are in the test set, and those that are the same files set aside."""
    uris = dict(zip(tables.pool["sample_id"].to_pylist(), tables.pool["uri"].to_pylist(), strict=True))
    rows = [
        {"sample_id": name, "uri": uris[name], "reason": f"the same image as the test sample {twin!r}"}
        for name, twin in sorted(copies.items())
    ]
    kept = without(tables.pool, frozenset(copies))
    split = [
        "test" if name in moved else where
        for name, where in zip(kept["sample_id"].to_pylist(), kept["split"].to_pylist(), strict=True)
    ]
    if "pool" not in split:
        raise ConfigurationError("No sample would be left in the pool. Name fewer for --test.")
    pool = kept.set_column(kept.column_names.index("split"), POOL.field("split"), pa.array(split, pa.string()))
    quarantine = pa.concat_tables([tables.quarantine, pa.Table.from_pylist(rows, schema=QUARANTINE)])
    return replace(
        tables,
        pool=pool.cast(POOL).combine_chunks(),
        truth={name: label for name, label in ({**tables.truth, **labels}).items() if name not in copies},
        quarantine=quarantine.sort_by("sample_id").combine_chunks(),
    )


def _copies(pool: pa.Table, splits: Mapping[str, str], moved: set[str]) -> dict[str, str]:
    """Samples of the pool whose files are the same as one that joins the test set, and which one that is."""
    digests = dict(zip(pool["sample_id"].to_pylist(), pool["sha256"].to_pylist(), strict=True))
    twins = {digests[name]: name for name in sorted(moved) if digests[name] is not None}
    return {
        name: twins[digest]
        for name, digest in digests.items()
        if digest in twins and splits[name] == "pool" and name not in moved
    }


def _asked_for(store: Store, state: State) -> set[str]:
    """Samples whose labels people gave or were asked for, or that were known when the campaign began."""
    known = {vote.sample_id for vote in starting_votes(store, state.campaign)}
    if not state.commits:
        return known
    later = state.commits[state.history.cycles :]
    return known.union(read_requests(store, state.history, later)["sample_id"].to_pylist())


def _refuse_asked_for(asked: set[str], moved: set[str], copies: Mapping[str, str], file: str) -> None:
    """See that models have not learnt from samples that join the test set, nor from the same files.

    Raises:
        InputError: they have, or are about to.
    """
    learnt = sorted((moved | copies.keys()) & asked)
    if learnt:
        first = learnt[0]
        what = f"{first!r}, which is the same file as {copies[first]!r}" if first in copies else repr(first)
        raise InputError(
            f"{file}: {len(learnt)} of its samples were asked for or learnt from already, first {what}. A test set is "
            "of samples that no model has seen: leave them out."
        )
