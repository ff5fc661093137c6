"""Labelled history, from embeddings with labels or from a campaign, and how it travels to the arms of a backtest."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool import load_pool, load_truth, sample_uris
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.vote_tables import labels_of
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference, read_object
from labelcycle.components.core.storage.tables import (
    CONSENSUS,
    column_to_matrix,
    matrix_to_column,
    read_table,
    table_bytes,
    table_in,
)
from labelcycle.components.labelling.label_file import read_label_file
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings
from labelcycle.pipelines.initialise.held_out import hold_out
from labelcycle.pipelines.initialise.samples import Samples

SPLITS = ("pool", "val", "test")


@dataclass(frozen=True)
class Labelled:
    """Samples whose classes are known.

    Attributes:
        ids: N distinct sample ids, sorted.
        features: float16, (N, d).
        classes: int64, (N,), indices into the history's classes.
    """

    ids: npt.NDArray[np.str_]
    features: npt.NDArray[np.float16]
    classes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class LabelledHistory:
    """What a backtest replays.

    Attributes:
        source: where it comes from, for people.
        classes: C names.
        pool: the samples that strategies choose from.
        val: the samples that choose the best epoch; may be empty.
        test: the samples that measure every model.
    """

    source: str
    classes: list[str]
    pool: Labelled
    val: Labelled
    test: Labelled


def write_history(store: Store, history: LabelledHistory) -> ObjectReference:
    """Store the samples as one Parquet table, named by its content."""
    parts = [getattr(history, split) for split in SPLITS]
    columns = {
        "sample_id": pa.array([str(name) for part in parts for name in part.ids], pa.string()),
        "split": pa.array([split for split, part in zip(SPLITS, parts, strict=True) for _ in part.ids], pa.string()),
        "class": pa.array(np.concatenate([part.classes for part in parts]), pa.int32()),
        "feature": matrix_to_column(np.concatenate([part.features for part in parts])),
    }
    data = table_bytes(pa.table(columns))
    reference = ObjectReference(key=f"history/{digest_of_bytes(data)[:16]}.parquet", sha256=digest_of_bytes(data))
    if not store.exists(reference.key):
        store.write(reference.key, data)
    return reference


def read_history(store: Store, reference: ObjectReference, source: str, classes: list[str]) -> LabelledHistory:
    """The history that `write_history` stored.

    Raises:
        CampaignError: the table is gone or was changed.

    Cost: memory for the features, twice while they are read.
    """
    table = table_in(read_object(store, reference))
    parts = []
    for split in SPLITS:
        rows = table.filter(pc.equal(table["split"], split))
        parts.append(
            Labelled(
                ids=np.array(rows["sample_id"].to_pylist(), dtype=np.str_),
                features=column_to_matrix(rows["feature"]).astype(np.float16, copy=False),
                classes=rows["class"].to_numpy().astype(np.int64),
            )
        )
    return LabelledHistory(source, classes, *parts)


def history_from_embeddings(
    uri: str, labels_from: str = "", test_share: float = 0.1, split_seed: int = 0
) -> LabelledHistory:
    """Labelled history out of embeddings that come with labels, or with a label file beside them.

    The file's own splits are kept. Without a test split, `test_share` of each class is held out, the same samples as
    `labelcycle init` holds out with that seed.

    Args:
        uri: .npz or .parquet, as `samples_from_embeddings` reads them.
        labels_from: a label file; its labels replace those of the embeddings file. Empty for none.
        test_share: between 0 and 1.
        split_seed: decides what is held out.

    Raises:
        InputError: unreadable, no labels, a test or val sample without a label, a class that the test set lacks.
    """
    samples = samples_from_embeddings(uri)
    labels = samples.labels | _labels_in(labels_from, SampleIds(samples.uris), None)
    if not labels:
        raise InputError(
            f"{uri} has no labels. A backtest replays history whose labels are known: add `labels` to the file, or "
            "name a label file with --labels-from."
        )
    return history_of_samples(uri, samples, labels, test_share, split_seed)


def history_of_samples(
    uri: str, samples: Samples, labels: Mapping[str, str], test_share: float = 0.1, split_seed: int = 0
) -> LabelledHistory:
    """Labelled history out of samples with features, as `history_from_embeddings` makes it.

    Args:
        uri: where they come from, for people.
        samples: with features, and splits if there are any.
        labels: class by id.
        test_share: between 0 and 1.
        split_seed: decides what is held out.

    Raises:
        InputError: a test or val sample without a label, a class that the test set lacks.
    """
    assert samples.features is not None
    splits = {name: samples.splits.get(name, "pool") for name in samples.uris}
    unlabelled = [name for name, split in splits.items() if split != "pool" and name not in labels]
    if unlabelled:
        raise InputError(f"{uri}: test or val sample {unlabelled[0]!r} has no label. Give it one.")
    remedy = "Add some, or leave the splits out: a share of each class is then held out."
    if "test" not in splits.values():
        remedy = "Give the class at least two labelled samples, or leave its samples out."
        usable = {name: label for name, label in labels.items() if splits[name] == "pool"}
        test = hold_out(usable, test_share, split_seed)
        splits |= dict.fromkeys(test, "test")
        notice(f"No test split was given: {len(test)} samples ({test_share:.0%} of each class) are held out.")
    history = _history(uri, list(samples.uris), samples.features, dict(labels), splits, sorted(set(labels.values())))
    blind = _missing(history, history.pool, history.test)
    if blind:
        raise InputError(
            f"{uri}: the test split has no sample of class {blind[0]!r}, so its accuracy says nothing about that "
            f"class. {remedy}"
        )
    return history


def history_from_campaign(root: str, labels_from: str = "") -> LabelledHistory:
    """Labelled history out of a campaign: the labels of its committed cycles on the features of its base space.

    The test and val samples are the campaign's own. The pool is what was labelled, so on the history of an
    active-learning campaign strategies choose among samples that its own strategy chose.

    Args:
        root: the campaign's folder or S3 prefix.
        labels_from: a label file with labels beyond those collected; empty for none.

    Raises:
        CampaignError: no campaign there.
        InputError: no labels yet.
        ConfigurationError: the campaign keeps no features of its backbone.
    """
    store = open_store(root)
    state = read_state(store)
    campaign = state.campaign
    labels = _collected(store, state)
    ids_of_all = SampleIds(sample_uris(store, campaign), gone=read_withdrawn(store, campaign))
    labels |= _labels_in(labels_from, ids_of_all, campaign.classes, campaign.former_classes)
    if not labels:
        raise InputError(
            f"The campaign at {store.root} has collected no labels yet, and a backtest replays known ones. Run cycles "
            "first, name a label file with --labels-from, or backtest on --embeddings with labels."
        )
    pool = load_pool(store, campaign)
    splits = dict(zip(pool["sample_id"].to_pylist(), pool["split"].to_pylist(), strict=True))
    truth = load_truth(store, campaign)
    asked = ("pool", "test") if campaign.test_from_budget else ("pool",)
    labels = {name: label for name, label in labels.items() if splits.get(name) in asked} | truth
    ids, features = _base_features(store, campaign, sorted(labels))
    history = _history(store.root, ids, features, labels, splits, campaign.classes)
    for name in _missing(history, history.pool, history.test):
        notice(f"The campaign's test set has no sample of class {name!r}: accuracy says nothing about it.")
    return history


def _labels_in(
    uri: str, ids: SampleIds, classes: list[str] | None, former_classes: Mapping[str, str] | None = None
) -> dict[str, str]:
    if not uri:
        return {}
    answers = read_label_file(uri, ids, classes, former_classes)
    return {name: answer.label for name, answer in answers.items() if answer.label is not None}


def _collected(store: Store, state: State) -> dict[str, str]:
    """Class by id of every labelled sample as the last cycle has it; loops of a data selection have some each."""
    agreed = [commit.objects["consensus"] for commit in state.commits if "consensus" in commit.objects]
    labels: dict[str, str] = {}
    for reference in agreed if state.campaign.recipe.data_selection is not None else agreed[-1:]:
        labels |= labels_of(read_table(store, reference, CONSENSUS))
    return {name: state.campaign.class_of(label) for name, label in labels.items()}


def _base_features(store: Store, campaign: Campaign, ids: list[str]) -> tuple[list[str], npt.NDArray[np.float16]]:
    space = FeatureSpace(store, campaign.base_space)
    if not space.ids():
        raise ConfigurationError(
            f"The campaign at {store.root} trains on images and keeps no features of its backbone as it comes. "
            "Backtest on --embeddings with labels instead."
        )
    found, features = space.read(ids)
    if len(found) < len(ids):
        notice(f"{len(ids) - len(found)} labelled samples have no features (unreadable images) and are left out.")
    return found, features


def _history(
    source: str,
    ids: list[str],
    features: npt.NDArray[np.float16],
    labels: dict[str, str],
    splits: dict[str, str],
    classes: list[str],
) -> LabelledHistory:
    """The labelled samples among `ids`, which are sorted and as many as the features' rows."""
    if len(classes) < 2:
        raise InputError(f"{source}: a classifier needs two classes or more; the labels hold {classes}.")
    index = {name: number for number, name in enumerate(classes)}
    parts = {}
    for split in SPLITS:
        rows = [row for row, name in enumerate(ids) if name in labels and splits[name] == split]
        parts[split] = Labelled(
            ids=np.array([ids[row] for row in rows], dtype=np.str_),
            features=features[rows],
            classes=np.array([index[labels[ids[row]]] for row in rows], dtype=np.int64),
        )
    history = LabelledHistory(source, classes, **parts)
    for split, part in (("pool", history.pool), ("test", history.test)):
        if not len(part):
            raise InputError(f"{source}: no labelled sample is in the {split} split. A backtest needs some in both.")
    left_out = sum(name not in labels for name in ids)
    if left_out:
        notice(f"{left_out} samples without a label are left out: a backtest can only reveal what is known.")
    for name in _missing(history, history.test, history.pool):
        notice(f"The pool has no sample of class {name!r}: no strategy can find one.")
    return history


def _missing(history: LabelledHistory, among: Labelled, absent_from: Labelled) -> list[str]:
    """Names of the classes that occur in the one and not in the other."""
    return [history.classes[number] for number in np.setdiff1d(among.classes, absent_from.classes)]
