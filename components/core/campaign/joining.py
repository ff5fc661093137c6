"""Samples that join a campaign: which of those that were found are new to it, and its tables with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from labelcycle.components.core.campaign.sample_tables import SampleTables, without
from labelcycle.components.core.storage.tables import POOL, QUARANTINE

COPY_OF_WITHDRAWN = "the same image as a sample that was withdrawn"


@dataclass(frozen=True)
class JoiningSamples:
    """Samples that were found somewhere.

    Attributes:
        uris: the image address of each usable sample, by id; None where only its embedding was given.
        sha256: digest of each image, by id; empty for embeddings.
        quarantined: rows of `QUARANTINE`: those that cannot be used.
        splits: `pool`, `val` or `test` by id; a sample that is missing is of the pool.
        labels: that came along, by id.
    """

    uris: Mapping[str, str | None]
    sha256: Mapping[str, str] = field(default_factory=dict)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    splits: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def split(self, name: str) -> str:
        """The split of a sample."""
        return self.splits.get(name, "pool")


@dataclass(frozen=True)
class Sorted:
    """What was found, sorted by what the campaign has.

    Attributes:
        new: ids of samples that it has not, sorted.
        there: how many it has already, under the same id or as the same image.
        repeats: rows of `QUARANTINE`, of samples under other ids that are images of the campaign, or were withdrawn.
        withdrawn: how many were taken out of it before.
        aside: rows of `QUARANTINE`, of samples that it has not: those that cannot be used, and copies of test images.
        clashes: ids of other images than the campaign's of that id.
    """

    new: list[str]
    there: int
    repeats: list[dict[str, str]]
    withdrawn: int
    aside: list[dict[str, str]]
    clashes: list[str]


def sort_found(tables: SampleTables, found: JoiningSamples) -> Sorted:
    """Sort what was found. A sample that was set aside before is new once it can be used.

    Cost: memory for the ids and digests of all samples.
    """
    columns = (tables.pool[name].to_pylist() for name in ("sample_id", "sha256", "split"))
    rows = list(zip(*columns, strict=True))
    digests = {name: digest for name, digest, _ in rows}
    twins = {digest: (name, split) for name, digest, split in rows if digest is not None}
    quarantined = [row["sample_id"] for row in found.quarantined]
    gone = tables.withdrawn_among([*found.uris, *quarantined])
    gone_digests = set(tables.withdrawn["sha256"].to_pylist()) - {None}
    new, clashes = list[str](), list[str]()
    aside, repeats = list[dict[str, str]](), list[dict[str, str]]()
    there = withdrawn = 0
    for name in sorted(found.uris):
        digest = found.sha256.get(name)
        if name in gone or (digest is not None and digest in gone_digests):
            withdrawn += 1
            if name not in gone:
                repeats.append({"sample_id": name, "uri": found.uris[name] or "", "reason": COPY_OF_WITHDRAWN})
        elif name in digests:
            if digest == digests[name]:
                there += 1
            else:
                clashes.append(name)
        elif digest in twins and twins[digest][1] != "pool" and found.split(name) == "pool":
            twin, split = twins[digest]
            reason = f"the same image as the {split} sample {twin!r}"
            aside.append({"sample_id": name, "uri": found.uris[name] or "", "reason": reason})
        elif digest in twins:
            there += 1
            reason = f"the same image as the sample {twins[digest][0]!r}"
            repeats.append({"sample_id": name, "uri": found.uris[name] or "", "reason": reason})
        else:
            new.append(name)
    before = set(tables.quarantine["sample_id"].to_pylist()) | digests.keys() | gone
    there += sum(row["sample_id"] in before for row in [*aside, *found.quarantined])
    unusable = [row for row in [*aside, *found.quarantined] if row["sample_id"] not in before]
    repeats = [row for row in repeats if row["sample_id"] not in before]
    return Sorted(new, there, repeats, withdrawn, unusable, clashes)


def joined(tables: SampleTables, found: JoiningSamples, new: list[str], aside: list[dict[str, str]]) -> SampleTables:
    """The tables with samples that are new, and others that are set aside.

    Args:
        tables: of the campaign.
        found: what was found.
        new: ids of those that join.
        aside: rows of `QUARANTINE`.
    """
    columns = {
        "sample_id": new,
        "uri": [found.uris[name] for name in new],
        "sha256": [found.sha256.get(name) for name in new],
        "split": [found.split(name) for name in new],
        "caption": [None] * len(new),
        "group": [None] * len(new),
    }
    pool = pa.concat_tables([tables.pool, pa.table(columns, schema=POOL)]).sort_by("sample_id").combine_chunks()
    of_pool = {name: label for name in new if (label := found.labels.get(name)) and found.split(name) == "pool"}
    held_out = {name: found.labels[name] for name in new if found.split(name) != "pool"}
    known = held_out | (of_pool if tables.knows_pool else {})
    quarantine = without(tables.quarantine, frozenset(new))
    rows = pa.Table.from_pylist(aside, schema=QUARANTINE)
    return replace(
        tables,
        pool=pool,
        truth={**tables.truth, **known},
        quarantine=pa.concat_tables([quarantine, rows]).sort_by("sample_id").combine_chunks(),
        answers=None if tables.answers is None else {**tables.answers, **of_pool},
    )
