"""The select stage: choose the cycle's query."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from labelcycle.components.core.attempt import Attempt, open_attempt
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.facts import Facts
from labelcycle.components.core.observation import observed
from labelcycle.components.core.schemas import QUERY
from labelcycle.components.core.tables import table_bytes
from labelcycle.components.select import STRATEGIES, Candidates, Selection, select_batch
from labelcycle.components.select.gathering import gather_candidates


@dataclass(frozen=True)
class Selected(Facts):
    """The query that was written."""

    strategy: str
    size: int
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

    Cost: that of the strategy; memory for the fields it needs.
    """
    work = open_attempt(root, cycle, attempt)
    name, parameters = _strategy(work)
    if name not in STRATEGIES:
        raise ConfigurationError(f"There is no strategy {name!r}. Choose one of: {', '.join(sorted(STRATEGIES))}.")
    if work.decision.query_size == 0:
        table = QUERY.empty_table()
    else:
        pool = gather_candidates(work, STRATEGIES[name].needs, shards)
        picks = select_batch(name, pool, work.decision.query_size, work.campaign.seed, **parameters)
        table = _query_table(picks, pool, work.campaign.classes)
    reference = work.write_table("query.parquet", table)
    if query:
        Path(query).parent.mkdir(parents=True, exist_ok=True)
        Path(query).write_bytes(table_bytes(table))
    return Selected(name, table.num_rows, work.store.locate(reference.key), reference.sha256)


def _strategy(work: Attempt) -> tuple[str, dict[str, Any]]:
    recipe = work.campaign.recipe
    if work.decision.action == "cold_start":
        return recipe.cold_start.strategy, {}
    parameters = {"class_balanced": True} if recipe.selector.class_balanced else {}
    return recipe.selector.strategy, parameters


def _query_table(picks: Selection, pool: Candidates, classes: list[str]) -> pa.Table:
    predicted: list[str] | None = None
    confidence = None
    if pool.probs is not None:
        row = {str(name): number for number, name in enumerate(pool.ids)}
        chosen = pool.probs[[row[str(name)] for name in picks.ids]]
        predicted = [classes[number] for number in chosen.argmax(axis=1)]
        confidence = chosen.max(axis=1).astype(np.float32)
    size = len(picks.ids)
    return pa.table(
        {
            "sample_id": pa.array([str(name) for name in picks.ids], pa.string()),
            "rank": pa.array(range(1, size + 1), pa.int32()),
            "score": pa.array(picks.scores, pa.float64()),
            "reason": pa.array(picks.reasons, pa.string()),
            "cluster": pa.nulls(size, pa.int32()),
            "predicted": pa.nulls(size, pa.string()) if predicted is None else pa.array(predicted, pa.string()),
            "confidence": pa.nulls(size, pa.float32()) if confidence is None else pa.array(confidence),
        },
        schema=QUERY,
    )
