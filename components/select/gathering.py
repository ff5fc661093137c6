"""Gather what a strategy needs about the unlabelled pool, and nothing else, from the attempt's tables."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.campaign import load_pool
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.queries import queried_ids
from labelcycle.components.core.schemas import scores_schema
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.tables import column_to_matrix
from labelcycle.components.select.strategy import Candidates


def gather_candidates(work: Attempt, needs: frozenset[str], shards: int) -> Candidates:
    """The samples that may be asked for, with the fields that `needs` names.

    A sample is left out once it was asked for, answered or not, and while its image cannot be read.

    Args:
        work: the attempt, scored unless this is the cold start.
        needs: fields of `Candidates`.
        shards: how many shards the score stage wrote.
    """
    if work.decision.action == "train":
        table = read_scores(work, shards)
        ids: list[str] = table["sample_id"].to_pylist()
    else:
        table = None
        pool = load_pool(work.store, work.campaign)
        asked = queried_ids(work)
        in_pool = pool.filter(pc.equal(pool["split"], "pool"))["sample_id"].to_pylist()
        unreadable = {row["sample_id"] for row in FeatureSpace(work.store, work.campaign.base_space).quarantined()}
        ids = [name for name in in_pool if name not in asked and name not in unreadable]
    features: npt.NDArray[np.floating] | None = None
    if "features" in needs:
        space = work.read_json("training.json")["space"] if table is not None else work.campaign.base_space
        ids, features = FeatureSpace(work.store, space).read(ids)
        if table is not None:
            table = table.filter(pc.is_in(table["sample_id"], value_set=pa.array(ids)))
    probabilities: npt.NDArray[np.floating] | None = None
    if table is not None:
        probabilities = column_to_matrix(table["probabilities"]).astype(np.float32, copy=False)
    return Candidates(
        ids=np.array(ids, dtype=np.str_),
        features=features,
        probs=probabilities,
        cycle=work.cycle,
    )


def read_scores(work: Attempt, shards: int) -> pa.Table:
    """The score table of all shards, sorted by id.

    Raises:
        CampaignError: a shard has not been scored.
    """
    schema = scores_schema(len(work.campaign.classes))
    tables = []
    for shard in range(shards):
        key = work.key(f"scores/{shard}-of-{shards}.parquet")
        try:
            tables.append(pq.read_table(work.store.fetch(key)).cast(schema))
        except FileNotFoundError as error:
            raise CampaignError(f"{work.store.locate(key)} is missing. Run the score stage for every shard.") from error
    return pa.concat_tables(tables).sort_by("sample_id")
