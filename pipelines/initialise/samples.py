"""The samples of a new campaign, wherever they come from, and the tables that keep them and labels that came along."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.campaign import own_labels
from labelcycle.components.core.campaign.pool_ids import write_pool_ids
from labelcycle.components.core.campaign.sample_tables import write_samples_table
from labelcycle.components.core.features.half_precision import FeatureScale
from labelcycle.components.core.images.inspection import Inspected
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.core.storage.tables import POOL, TRUTH
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.reading import Reading


@dataclass(frozen=True)
class Samples:
    """What is known about the samples before the campaign begins.

    Attributes:
        uris: the image address of each usable sample, by id, sorted; None where only its embedding was given.
        sha256: digest of each image, by id; empty for embeddings.
        thumbnails: each image as few grey values, by id; empty for embeddings.
        quarantined: samples set aside: sample_id, uri and reason of each.
        labels: labels that came with the samples, by id.
        labels_known: whether those of the pool are to begin with; else they play the annotator.
        splits: `pool`, `val` or `test` as the source says, by id; empty where it does not say.
        features: float16 (N, d) in the order of `uris`, where embeddings were given.
        source_sha256: digest of the embeddings file.
        scale: what the features were centred and scaled by; None where they are as in the file.
        reading: what became of all that the source holds; None where nothing was told.
        known: how many the source has besides, which were looked at before.
    """

    uris: dict[str, str | None]
    sha256: dict[str, str] = field(default_factory=dict)
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    labels_known: bool = False
    splits: dict[str, str] = field(default_factory=dict)
    features: npt.NDArray[np.float16] | None = None
    source_sha256: str = ""
    scale: FeatureScale | None = None
    reading: Reading | None = None
    known: int = 0


def labelled_samples(inspected: Inspected, labels: dict[str, str], splits: dict[str, str], reading: Reading) -> Samples:
    """Samples of images with the labels that came with them.

    Args:
        inspected: the images.
        labels: class by id, of images that cannot be used, too.
        splits: by id where it is not the pool.
        reading: what is told of the source.
    """
    uris: dict[str, str | None] = {name: inspected.uris[name] for name in sorted(inspected.uris)}
    return Samples(
        uris=uris,
        sha256={name: inspected.digests[name] for name in uris},
        thumbnails=inspected.thumbnails,
        quarantined=inspected.quarantined,
        labels={name: labels[name] for name in uris if name in labels},
        splits={name: split for name, split in splits.items() if name in inspected.uris},
        reading=reading,
    )


def with_use_of_labels(samples: Samples, play_annotator: bool) -> Samples:
    """Samples of images whose labels are to begin with, or play the annotator; a remark says which.

    Where an image of the pool has none, the labels are to begin with, and the others are asked for; where all have one,
    they play the annotator.

    Args:
        samples: with the labels that came with them.
        play_annotator: whether they do so in any case.
    """
    pool = [name for name in samples.uris if samples.splits.get(name, "pool") == "pool"]
    unlabelled = sum(name not in samples.labels for name in pool)
    of_pool = len(pool) - unlabelled
    known = bool(unlabelled and samples.labels) and not play_annotator
    if of_pool and samples.reading is not None:
        samples.reading.remarks.append(
            f"the labels of {of_pool:,} are known, since {unlabelled:,} more have none: the first cycle trains on them"
            if known
            else f"the labels of {of_pool:,} play the annotator, and {unlabelled:,} more without one "
            f"{'is' if unlabelled == 1 else 'are'} never asked for"
            if unlabelled
            else "all of the pool have a label: these play the annotator"
        )
    return replace(samples, labels_known=known)


def write_pool(
    store: Store, samples: Samples, splits: dict[str, str], groups: dict[str, str], captions: dict[str, str]
) -> ObjectReference:
    """Store the table of samples, sorted by id, and that of their ids; captions, groups and digests may be missing."""
    ids = sorted(splits)
    columns = {
        "sample_id": ids,
        "uri": [samples.uris[name] for name in ids],
        "sha256": [samples.sha256.get(name) for name in ids],
        "split": [splits[name] for name in ids],
        "caption": [captions.get(name) for name in ids],
        "group": [groups.get(name) for name in ids],
    }
    table = pa.table(columns, schema=POOL)
    reference = write_table(store, "pool", table)
    write_pool_ids(store, reference.sha256, table)
    return reference


def write_table(store: Store, kind: str, table: pa.Table) -> ObjectReference:
    """Store a table under a name made from its content, so that another campaign's tables are never replaced."""
    return write_samples_table(store, kind, table)


def labels_source(
    store: Store,
    settings: CampaignSettings,
    samples: Samples,
    splits: dict[str, str],
    truth: dict[str, str] | None,
    pool: ObjectReference,
    ask_for_test: bool = False,
) -> str | None:
    """Where runs read labels from: the user's file, or a table of the labels that came with the samples.

    With `truth`, the labels that never change again, it is always a table. `pool` is the table of samples;
    `ask_for_test` says that test samples are asked for like those of the pool.
    """
    if truth is None and settings.labels_from is not None:
        return settings.labels_from if "://" in settings.labels_from else str(Path(settings.labels_from).absolute())
    known = samples.labels.items() if truth is None else sorted(truth.items())
    asked = {name for name, split in splits.items() if split == "pool" or (split == "test" and ask_for_test)}
    labels = {name: label for name, label in known if name in asked}
    if truth is None and (samples.labels_known or not labels):
        return None
    table = pa.table([list(labels), list(labels.values())], schema=TRUTH)
    key = write_table(store, own_labels.FOLDER, table).key
    if all(labels.get(name, "").strip() for name in asked):
        own_labels.note_complete(store, key, pool.sha256)
    return key
