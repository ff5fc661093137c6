"""Gather what a strategy reads about the unlabelled pool, and nothing else, from the attempt's tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.queries import queried_ids, read_query
from labelcycle.components.core.campaign.selected_samples import selected_so_far
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.config.embedding import text_provenance
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.embedding_augmentation import augment_pool, text_map_bytes
from labelcycle.components.core.features.provenance import space_name
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.models.text_classifier import read_text_classifier
from labelcycle.components.core.storage.tables import column_to_matrix, scores_name, scores_schema, with_schema
from labelcycle.components.select.last_layer import with_head
from labelcycle.components.select.strategy import Candidates, Strategy

READ_AT_ONCE = 65_536
"""Rows of the score table in memory at a time, where only some of them are kept."""

FROM_SCORES = {
    "probs": "probabilities",
    "disagreements": "disagreements",
    "mutual_information": "mutual_information",
    "losses": "loss",
}
"""Fields of `Candidates` by the column of the score table that holds them."""


def gather_candidates(
    work: Attempt, reads: frozenset[str], shards: int, strategy: Strategy | None = None
) -> Candidates:
    """The samples that may be asked for, with the fields that `reads` names, as far as they are known.

    A sample is left out once it was asked for, answered or not, and while its image cannot be read. In the cold start
    nothing is labelled or scored, so that only features, groups and texts can be known, probabilities where the names
    of the classes give them, and losses where the pool's labels are: there, a head that knows nothing yet has the same
    loss on every sample. `texts` are known where the campaign has a text encoder. Where training data is selected,
    features may have moved towards those of captions.

    Args:
        work: the attempt, scored unless this is the cold start.
        reads: optional fields of `Candidates`.
        shards: how many shards the score stage wrote.
        strategy: whose sight of a model with a hidden layer they get; None for the features of the space.

    Cost: memory for the fields that are read.
    """
    if work.decision.action == "cold_start":
        pool = Candidates(ids=np.array(_unasked(work), dtype=np.str_), cycle=work.cycle)
        space = FeatureSpace(work.store, work.campaign.base_space)
        zero_shot = work.campaign.zero_shot if "probs" in reads else None
        if "features" in reads or zero_shot is not None:
            ids, features = space.read(pool.ids.tolist())
            pool = replace(pool, ids=np.array(ids, dtype=np.str_), features=features)
            if zero_shot is not None:
                pool = replace(pool, probs=read_text_classifier(work.store, zero_shot).probabilities(features))
        return _with_groups(work, _with_texts(work, _with_first_losses(work, pool, reads), reads), reads)
    columns = [column for field, column in FROM_SCORES.items() if field in reads]
    scores = read_scores(work, shards, ["sample_id", *columns])
    pool = Candidates(ids=_texts(scores["sample_id"]), cycle=work.cycle)
    space = FeatureSpace(work.store, work.read_record("training.json", TrainingFacts).space)
    labels = _labels(work, reads)
    pool = _with_features(pool, space, labels, work.campaign.classes, reads)
    if len(pool) < scores.num_rows:
        scores = scores.filter(pc.is_in(scores["sample_id"], value_set=pa.array(pool.ids.tolist(), pa.string())))
    known: dict[str, Any] = {field: _values(scores[column]) for field, column in FROM_SCORES.items() if field in reads}
    pool = replace(pool, **known)
    pool = _augmented(work, _with_texts(work, pool, reads), reads)
    pool = _with_groups(work, pool, reads)
    if "head" in reads or (strategy is not None and strategy.of_last_layer):
        pool = with_head(pool, read_head(work.read("head.safetensors")), strategy)
    return pool


def read_scores(work: Attempt, shards: int, columns: list[str] | None = None, of: pa.Array | None = None) -> pa.Table:
    """The score table of all shards, sorted by id.

    Args:
        work: the attempt.
        shards: how many shards the score stage wrote.
        columns: those to read, `sample_id` among them; None for all.
        of: ids of the samples to keep; None for all.

    Raises:
        CampaignError: a shard has not been scored.
    """
    schema = scores_schema(len(work.campaign.classes))
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    tables = []
    for name in _score_tables(work, shards):
        with pq.ParquetFile(work.fetch(name)) as file:
            tables.append(with_schema(_read_columns(file, schema.names, of), schema))
    return pa.concat_tables(tables).sort_by("sample_id")


def _score_tables(work: Attempt, shards: int) -> list[str]:
    """Names of the score tables; those of an earlier version where that has scored all shards."""
    names = [f"scores/{scores_name(shard, shards)}.parquet" for shard in range(shards)]
    earlier = [f"scores/{shard}-of-{shards}.parquet" for shard in range(shards)]
    return earlier if not _are_there(work, names) and _are_there(work, earlier) else names


def _are_there(work: Attempt, names: list[str]) -> bool:
    try:
        for name in names:
            work.reference(name)
    except CampaignError:
        return False
    return True


def _read_columns(file: pq.ParquetFile, columns: list[str], of: pa.Array | None) -> pa.Table:
    if of is None:
        return file.read(columns)
    batches = file.iter_batches(READ_AT_ONCE, columns=columns)
    kept = [batch.filter(pc.is_in(batch["sample_id"], of)) for batch in batches]
    return pa.Table.from_batches(kept, schema=file.schema_arrow.empty_table().select(columns).schema)


def _unasked(work: Attempt) -> list[str]:
    """Ids of readable samples of the pool that were not asked for, where no scores list them."""
    asked = queried_ids(work)
    unreadable = {row["sample_id"] for row in FeatureSpace(work.store, work.campaign.base_space).quarantined()}
    in_pool = ids_of_split(work.store, work.campaign, "pool")
    return [name for name in in_pool if name not in asked and name not in unreadable]


def _labels(work: Attempt, reads: frozenset[str]) -> dict[str, str] | None:
    """The class of each labelled sample; None where the strategy reads nothing of these.

    Where training data is selected every sample is a candidate, and none is a labelled one, unless the recipe counts
    earlier picks as labelled.
    """
    of_labelled = {"labelled_ids", "labelled_features", "labelled_classes"}
    selection = work.campaign.recipe.data_selection
    if not reads & of_labelled or (selection is not None and selection.earlier_picks == "candidates"):
        return None
    labelled = work.labelled() if selection is None else selected_so_far(work)
    return {name: labelled[name] for name in sorted(labelled)}


def _with_features(
    pool: Candidates, space: FeatureSpace, labels: dict[str, str] | None, classes: list[str], reads: frozenset[str]
) -> Candidates:
    """The candidates with their features and the labelled samples, as far as they are read, sorted by id.

    Args:
        pool: candidates; those without features are left out.
        space: the feature space of both.
        labels: class by id; None where nothing of labelled samples is read.
        classes: the campaign's.
        reads: fields of `Candidates`.

    Cost: reads the parts of the space that hold one of them, each once.
    """
    wanted = {"features": pool.ids.tolist(), "labelled_features": list(labels or ())}
    wanted = {
        field: ids for field, ids in wanted.items() if field in reads and (field == "features" or labels is not None)
    }
    found = dict(zip(wanted, space.read_together(list(wanted.values())) if wanted else [], strict=True))
    if "features" in found:
        ids, features = found["features"]
        pool = replace(pool, ids=np.array(ids, dtype=np.str_), features=features)
    if labels is None:
        return pool
    number = {name: index for index, name in enumerate(classes)}
    names, labelled_features = found.get("labelled_features", (list(labels), None))
    return replace(
        pool,
        labelled_ids=np.array(names, dtype=np.str_),
        labelled_features=labelled_features,
        labelled_classes=np.array([number[labels[name]] for name in names], dtype=np.int64),
    )


def _with_first_losses(work: Attempt, pool: Candidates, reads: frozenset[str]) -> Candidates:
    """The candidates with the loss ln C of a head that gives every class the same probability."""
    if "losses" not in reads or not load_truth(work.store, work.campaign).keys() >= set(pool.ids.tolist()):
        return pool
    return replace(pool, losses=np.full(len(pool), np.log(len(work.campaign.classes)), np.float32))


def _with_texts(work: Attempt, pool: Candidates, reads: frozenset[str]) -> Candidates:
    """The candidates with features of their captions; not where these move the features before the strategy looks."""
    if "texts" not in reads or work.campaign.recipe.data_selection is not None:
        return pool
    return replace(pool, texts=_texts_of(work, pool.ids.tolist()))


def _augmented(work: Attempt, pool: Candidates, reads: frozenset[str]) -> Candidates:
    """The candidates of a later loop of a data selection, their features moved towards those of captions."""
    settings = work.campaign.recipe.data_selection
    if settings is None or not settings.chooses_augmented or "features" not in reads:
        return pool
    texts = _texts_of(work, pool.ids.tolist())
    if texts is None or pool.features is None:
        return pool
    last = read_query(work.store, work.decision.previous["query"])["sample_id"].to_pylist()
    selected = np.flatnonzero(np.isin(pool.ids, last))
    assert settings.augmentation != "none"
    augmented = augment_pool(pool.features, texts, selected, settings.augmentation, settings.text_step)
    if augmented.text_map is not None:
        work.write("text_map.safetensors", text_map_bytes(augmented.text_map))
    return replace(pool, features=augmented.features)


def _texts_of(work: Attempt, ids: list[str]) -> npt.NDArray[np.float16] | None:
    """Features of the captions of these samples, which are sorted; None where any has none."""
    encoder = work.campaign.text_encoder
    if encoder is None or not ids:
        return None
    space = FeatureSpace(work.store, space_name(text_provenance(encoder, work.campaign.pool.sha256)))
    found, texts = space.read(ids)
    return texts if found == ids else None


def _with_groups(work: Attempt, pool: Candidates, reads: frozenset[str]) -> Candidates:
    if "groups" not in reads:
        return pool
    table = load_pool(work.store, work.campaign)
    group = dict(zip(table["sample_id"].to_pylist(), table["group"].to_pylist(), strict=True))
    if not any(group.values()):
        return pool
    return replace(pool, groups=np.array([group[name] or "" for name in pool.ids.tolist()], dtype=np.str_))


def _values(column: pa.ChunkedArray) -> npt.NDArray[Any] | None:
    """A column of scores; None unless every candidate has a value."""
    if column.null_count:
        return None
    if pa.types.is_fixed_size_list(column.type):
        return column_to_matrix(column)
    values: npt.NDArray[Any] = column.to_numpy()
    return values


def _texts(column: pa.ChunkedArray) -> npt.NDArray[np.str_]:
    return np.array(column.to_pylist(), dtype=np.str_)
