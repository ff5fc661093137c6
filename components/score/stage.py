"""The score stage: ask the current head about every unlabelled sample of the pool."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.attempt import open_attempt
from labelcycle.components.core.campaign import load_pool
from labelcycle.components.core.facts import Facts
from labelcycle.components.core.head import LinearHead
from labelcycle.components.core.observation import Progress, observed
from labelcycle.components.core.queries import queried_ids
from labelcycle.components.core.schemas import scores_schema
from labelcycle.components.core.sharding import chunks_of_shard
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.tables import matrix_to_column
from labelcycle.components.core.uncertainty import confidence, entropy, margin


@dataclass(frozen=True)
class Scored(Facts):
    """How many samples this shard scored."""

    scored: int


@observed
def run(root: str, cycle: int, attempt: str, shard: int = 0, shards: int = 1) -> Scored:
    """Score this shard's unlabelled samples and write them as one table of the attempt.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the cycle, from 0.
        attempt: the attempt's name, from label_ingest.
        shard: which part of the work, from 0.
        shards: how many parts there are; the scores are the same for any number.

    Cost: one matrix product over the features, O(N·d·C); no network is loaded.
    """
    work = open_attempt(root, cycle, attempt)
    classes = work.campaign.classes
    schema = scores_schema(len(classes))
    if work.decision.query_size == 0:
        work.write_table(f"scores/{shard}-of-{shards}.parquet", schema.empty_table())
        return Scored(0)
    head = LinearHead.from_bytes(work.read("head.safetensors"))
    space = FeatureSpace(work.store, work.read_json("training.json")["space"])
    pool = load_pool(work.store, work.campaign)
    asked = queried_ids(work)
    in_pool: list[str] = pool.filter(pc.equal(pool["split"], "pool"))["sample_id"].to_pylist()
    chunks = list(chunks_of_shard([name for name in in_pool if name not in asked], shard, shards))
    rows = dict.fromkeys(name for chunk in chunks for name in chunk)
    found, features = space.read(list(rows)) if rows else ([], None)
    position = {name: row for row, name in enumerate(found)}
    tables = [schema.empty_table()]
    with Progress("score", len(rows), "sample") as progress:
        for chunk in chunks:
            ids = [name for name in chunk if name in position]
            if ids and features is not None:
                probabilities = head.probabilities(features[[position[name] for name in ids]])
                columns = [
                    pa.array(ids, pa.string()),
                    pa.array(probabilities.argmax(axis=1), pa.int32()),
                    pa.array(confidence(probabilities)),
                    pa.array(margin(probabilities)),
                    pa.array(entropy(probabilities)),
                    matrix_to_column(probabilities),
                ]
                tables.append(pa.table(columns, schema=schema))
            progress.advance(len(chunk))
    table = pa.concat_tables(tables)
    work.write_table(f"scores/{shard}-of-{shards}.parquet", table)
    return Scored(table.num_rows)
