"""The select stage: choose the cycle's query."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.algorithms import refuse_other_versions
from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.config.query_choice import Choice
from labelcycle.components.core.features.matmul import PROCESSOR
from labelcycle.components.core.runtime.observation import observed
from labelcycle.components.core.storage.tables import QUERY, table_in, with_schema, without_unused
from labelcycle.components.select import STRATEGIES, Selection, select_batch
from labelcycle.components.select.batch import check_parameters
from labelcycle.components.select.doubted_picks import mixed_in, rechecks
from labelcycle.components.select.gathering import gather_candidates, read_scores
from labelcycle.components.select.recipe_constraints import gather_constraints, read_by_constraints
from labelcycle.components.select.second_opinions import opinion_rows, second_opinions
from labelcycle.components.select.testing import REASON, rows_to_test_with

DEVICE = "LABELCYCLE_SELECT_DEVICE"
"""The environment variable that names the device for large products, such as `cuda`; empty for the processor."""


@dataclass(frozen=True)
class Selected(Facts, rows="size"):
    """The query that was written.

    Of its `size` samples `to_test_with` are for the test set, `second_opinions` were asked for before, as were
    `rechecks`, `explored` were drawn at random to learn from, and `included` had to be in it.
    """

    strategy: str
    size: int
    to_test_with: int
    second_opinions: int
    rechecks: int
    explored: int
    included: int
    uri: str
    sha256: str


@observed
def run(root: str, cycle: int, attempt: str, shards: int = 1, query: str = "") -> Selected:
    """Choose the samples to label next and write them as `query.parquet` of the attempt.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the cycle, from 0.
        attempt: the attempt's name, from label_ingest.
        shards: how many shards the score stage wrote.
        query: where to put a copy of the query for the platform's own records; empty for none.

    Raises:
        CampaignError: the attempt was begun for another version of the strategy.

    Cost: that of the strategy; memory for the fields that it and the constraints read.
    """
    work = open_attempt(root, cycle, attempt)
    refuse_other_versions(work, "cold_start", "strategy")
    table = choose_query(work, shards)
    work.write_table("query.parquet", without_unused(table))
    if not work.record("select"):
        table = with_schema(table_in(work.read("query.parquet")), QUERY)
    reference = work.reference("query.parquet")
    if query:
        Path(query).parent.mkdir(parents=True, exist_ok=True)
        Path(query).write_bytes(work.read("query.parquet"))
    return Selected(
        strategy=choice_of(work).strategy,
        size=table.num_rows,
        to_test_with=pc.sum(pc.equal(table["reason"], REASON)).as_py() or 0,
        second_opinions=pc.sum(pc.and_(pc.greater(table["opinion"], 1), pc.is_null(table["recheck"]))).as_py() or 0,
        rechecks=pc.sum(table["recheck"]).as_py() or 0,
        explored=pc.sum(table["explore"]).as_py() or 0,
        included=len(set(work.campaign.recipe.selector.include) & set(table["sample_id"].to_pylist())),
        uri=work.store.locate(reference.key),
        sha256=reference.sha256,
    )


def choice_of(work: Attempt) -> Choice:
    """What chooses the query of an attempt: the cold start or the selector of its recipe."""
    recipe = work.campaign.recipe
    return recipe.cold_start if work.decision.action == "cold_start" else recipe.selector


def choose_query(work: Attempt, shards: int = 1) -> pa.Table:
    """The query of an attempt: rows of `QUERY`, samples to test with, then the strategy's picks and second opinions.

    Rechecks stand anywhere among them.

    Args:
        work: the attempt, scored where its cycle trains.
        shards: how many shards the score stage wrote.
    """
    choice = choice_of(work)
    check_parameters(choice.strategy, choice.arguments.keys())
    testing = rows_to_test_with(work, QUERY)
    again = second_opinions(work)
    size = work.decision.query_size - testing.num_rows - len(again)
    doubted = rechecks(work, {opinion.sample_id for opinion in again}, size)
    size -= len(doubted)
    picks = QUERY.empty_table() if size <= 0 else _query(work, choice, size, shards, first_rank=testing.num_rows + 1)
    asked = pa.concat_tables([testing, picks])
    return mixed_in(pa.concat_tables([asked, opinion_rows(again, asked.num_rows + 1, QUERY)]), doubted, work)


def _query(work: Attempt, choice: Choice, size: int, shards: int, first_rank: int) -> pa.Table:
    strategy = STRATEGIES[choice.strategy]
    reads = strategy.reads_with(choice.arguments) | read_by_constraints(choice)
    pool = gather_candidates(work, reads, shards, strategy)
    constraints = gather_constraints(work, choice, pool)
    arguments: dict[str, Any] = choice.arguments
    device = os.environ.get(DEVICE) or PROCESSOR
    picks = select_batch(
        choice.strategy, pool, size, work.campaign.seed, constraints=constraints, device=device, **arguments
    )
    predicted, confidence = _predictions(work, picks, shards)
    return pa.table(
        {
            "sample_id": pa.array(picks.ids.tolist(), pa.string()),
            "rank": pa.array(range(first_rank, first_rank + len(picks.ids)), pa.int32()),
            "score": pa.array(picks.scores, pa.float64()),
            "reason": pa.array(picks.reasons, pa.string()),
            "cluster": pa.array(picks.clusters.astype(np.int32), mask=picks.clusters < 0),
            "predicted": predicted,
            "confidence": confidence,
            "represents": pa.array(picks.represents.astype(np.int32), mask=picks.represents < 1),
            "explore": pa.array(picks.explored),
            "opinion": pa.array([1] * len(picks.ids), pa.int32()),
            "probabilities": _probabilities(work, picks, shards),
            "recheck": pa.nulls(len(picks.ids), pa.bool_()),
        },
        schema=QUERY,
    )


def _predictions(work: Attempt, picks: Selection, shards: int) -> tuple[pa.Array, pa.Array]:
    """Predicted class and its probability of each pick; nulls in the cold start, which knows no model."""
    size = len(picks.ids)
    if work.decision.action == "cold_start":
        return pa.nulls(size, pa.string()), pa.nulls(size, pa.float32())
    scores = read_scores(work, shards, ["sample_id", "predicted", "confidence"])
    ids = pa.array(picks.ids.tolist(), pa.string())
    rows = pc.index_in(ids, value_set=scores["sample_id"].combine_chunks())
    classes = pa.array(work.campaign.classes, pa.string())
    chosen = scores.take(rows)
    return classes.take(chosen["predicted"].combine_chunks()), chosen["confidence"].combine_chunks()


def _probabilities(work: Attempt, picks: Selection, shards: int) -> pa.Array:
    """What the model thinks of each pick, where the consensus will weigh it; nulls elsewhere and in the cold start."""
    kind = pa.list_(pa.float32())
    if work.campaign.labelling.consensus != "crowdlab" or work.decision.action == "cold_start":
        return pa.nulls(len(picks.ids), kind)
    ids = pa.array(picks.ids.tolist(), pa.string())
    scores = read_scores(work, shards, ["sample_id", "probabilities"], of=ids)
    rows = pc.index_in(ids, value_set=scores["sample_id"].combine_chunks())
    return scores["probabilities"].combine_chunks().cast(kind).take(rows)
