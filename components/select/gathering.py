"""Gather what a strategy reads about the unlabelled pool, and nothing else, from the attempt's tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.campaign import load_pool
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.head import LinearHead
from labelcycle.components.core.observation import notice
from labelcycle.components.core.queries import queried_ids
from labelcycle.components.core.recipe import Choice
from labelcycle.components.core.schemas import scores_schema
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.tables import column_to_matrix, with_schema
from labelcycle.components.select.constraints import Constraints
from labelcycle.components.select.strategy import Candidates

FROM_SCORES = {
    "probs": "probabilities",
    "disagreements": "disagreements",
    "mutual_information": "mutual_information",
    "losses": "loss",
}
"""Fields of `Candidates` by the column of the score table that holds them."""


def gather_candidates(work: Attempt, reads: frozenset[str], shards: int) -> Candidates:
    """The samples that may be asked for, with the fields that `reads` names, as far as they are known.

    A sample is left out once it was asked for, answered or not, and while its image cannot be read. In the cold start
    nothing is labelled or scored, so that only features and groups can be known. `texts` are not known yet at all.

    Args:
        work: the attempt, scored unless this is the cold start.
        reads: optional fields of `Candidates`.
        shards: how many shards the score stage wrote.

    Cost: memory for the fields that are read.
    """
    if work.decision.action == "cold_start":
        pool = Candidates(ids=np.array(_unasked(work), dtype=np.str_), cycle=work.cycle)
        space = FeatureSpace(work.store, work.campaign.base_space)
        return _with_groups(work, _with_features(pool, space) if "features" in reads else pool, reads)
    columns = [column for field, column in FROM_SCORES.items() if field in reads]
    scores = read_scores(work, shards, ["sample_id", *columns])
    pool = Candidates(ids=_texts(scores["sample_id"]), cycle=work.cycle)
    space = FeatureSpace(work.store, work.read_json("training.json")["space"])
    if "features" in reads:
        pool = _with_features(pool, space)
        if len(pool) < scores.num_rows:
            scores = scores.filter(pc.is_in(scores["sample_id"], value_set=pa.array(pool.ids.tolist(), pa.string())))
    known: dict[str, Any] = {field: _values(scores[column]) for field, column in FROM_SCORES.items() if field in reads}
    pool = replace(pool, **known)
    if "head" in reads:
        pool = replace(pool, head=LinearHead.from_bytes(work.read("head.safetensors")))
    return _with_groups(work, _with_labelled(work, pool, space, reads), reads)


def read_by_constraints(choice: Choice) -> frozenset[str]:
    """The optional fields of `Candidates` that the constraints of a recipe look at."""
    reads: set[str] = set()
    if choice.near_duplicates is not None:
        reads |= {"features", "labelled_features"}
    if choice.quotas:
        reads.add("groups")
    return frozenset(reads)


def gather_constraints(work: Attempt, choice: Choice, pool: Candidates) -> Constraints:
    """What the query is held to, less what cannot hold any more.

    Samples to leave out or to include count only while they are candidates, and quotas while their group has any. A
    sample that must be included but was never asked for and is no candidate cannot be read; the user is told.

    Args:
        work: the attempt.
        choice: the settings of the cold start or of the selector.
        pool: the candidates, with groups where there are quotas.
    """
    selector = work.campaign.recipe.selector
    candidates = set(pool.ids.tolist()) if selector.exclude or selector.include else set()
    lost = [name for name in selector.include if name not in candidates]
    if lost:
        asked = queried_ids(work)
        unreadable = [name for name in lost if name not in asked]
        if unreadable:
            notice(
                f"{len(unreadable)} samples that must be included cannot be read and are left out, first "
                f"{unreadable[0]!r}."
            )
    groups = set() if pool.groups is None else set(pool.groups.tolist())
    return Constraints(
        exclude=[name for name in selector.exclude if name in candidates],
        include=[name for name in selector.include if name in candidates],
        explore=choice.explore,
        quotas={group: quota for group, quota in choice.quotas.items() if group in groups},
        near_duplicates=choice.near_duplicates,
    )


def read_scores(work: Attempt, shards: int, columns: list[str] | None = None) -> pa.Table:
    """The score table of all shards, sorted by id.

    Args:
        work: the attempt.
        shards: how many shards the score stage wrote.
        columns: those to read, `sample_id` among them; None for all.

    Raises:
        CampaignError: a shard has not been scored.
    """
    schema = scores_schema(len(work.campaign.classes))
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    tables = []
    for shard in range(shards):
        key = work.key(f"scores/{shard}-of-{shards}.parquet")
        try:
            with pq.ParquetFile(work.store.fetch(key)) as file:
                tables.append(with_schema(file.read(schema.names), schema))
        except FileNotFoundError as error:
            raise CampaignError(f"{work.store.locate(key)} is missing. Run the score stage for every shard.") from error
    return pa.concat_tables(tables).sort_by("sample_id")


def _unasked(work: Attempt) -> list[str]:
    """Ids of readable samples of the pool that were not asked for, where no scores tell them."""
    pool = load_pool(work.store, work.campaign)
    asked = queried_ids(work)
    unreadable = {row["sample_id"] for row in FeatureSpace(work.store, work.campaign.base_space).quarantined()}
    in_pool: list[str] = pool.filter(pc.equal(pool["split"], "pool"))["sample_id"].to_pylist()
    return [name for name in in_pool if name not in asked and name not in unreadable]


def _with_features(pool: Candidates, space: FeatureSpace) -> Candidates:
    """The candidates that have features, with them, sorted by id."""
    ids, features = space.read(pool.ids.tolist())
    return replace(pool, ids=np.array(ids, dtype=np.str_), features=features)


def _with_labelled(work: Attempt, pool: Candidates, space: FeatureSpace, reads: frozenset[str]) -> Candidates:
    """The candidates with the labelled samples, in the feature space of the candidates, sorted by id."""
    if not reads & {"labelled_ids", "labelled_features", "labelled_classes"}:
        return pool
    number = {name: index for index, name in enumerate(work.campaign.classes)}
    labels = work.labelled()
    ids = list(labels)
    features: npt.NDArray[np.floating] | None = None
    if "labelled_features" in reads:
        ids, features = space.read(ids)
    return replace(
        pool,
        labelled_ids=np.array(ids, dtype=np.str_),
        labelled_features=features,
        labelled_classes=np.array([number[labels[name]] for name in ids], dtype=np.int64),
    )


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
