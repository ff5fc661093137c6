"""Tables of the campaign store in Parquet, with the digests of their damaged bytes: as if changed with the rest."""

import numpy as np
import pyarrow as pa

from labelcycle.components.core.campaign.vote_tables import votes_in, votes_table
from labelcycle.components.core.campaign.votes import Vote, in_force
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import tables
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.core.storage.tables import LABELS, POOL, QUERY, features_schema, matrix_to_column, read_table
from tests.harness.fuzz.memory_store import MemoryStore
from tests.harness.fuzz.parquet_mutation import parquet_mutation
from tests.harness.fuzz.target import Target

IDS = ["a", "b", "ä"]


def _stored(data: bytes, schema: pa.Schema) -> pa.Table:
    reference = ObjectReference(key="pool/pool.parquet", sha256=digest_of_bytes(data))
    return read_table(MemoryStore(**{reference.key: data}), reference, schema)


def _read_pool(data: bytes) -> None:
    dict(zip(*(_stored(data, POOL)[name].to_pylist() for name in ("sample_id", "uri")), strict=True))


def _read_votes(data: bytes) -> None:
    in_force(votes_in(_stored(data, LABELS)))


def _read_query(data: bytes) -> None:
    _stored(data, QUERY).to_pylist()


def _read_features(data: bytes) -> None:
    key = f"spaces/s/part-0123456789abcdef-{digest_of_bytes(data)[:16]}.parquet"
    space = FeatureSpace(MemoryStore(**{key: data}), "s")
    space.ids()
    space.read(["a"])
    names, features = space.read()
    assert features.shape[0] == len(names)


POOL_TABLE = pa.table(
    {"sample_id": IDS, "uri": ["/a", None, "s3://b/c"], "split": ["pool"] * 3},
    pa.schema([field for field in POOL if field.name in ("sample_id", "uri", "split")]),
)
VOTES_TABLE = votes_table([Vote(name, "ann", "cat", "ok", "", "labels.csv") for name in IDS])
QUERY_TABLE = pa.Table.from_pylist(
    [{"sample_id": name, "rank": rank, "reason": "why", "probabilities": [0.5, 0.5]} for rank, name in enumerate(IDS)],
    QUERY,
)
FEATURES_TABLE = pa.table([pa.array(IDS), matrix_to_column(np.ones((3, 2), np.float16))], schema=features_schema(2))
TARGETS = [
    Target(f"table-{name}", read, (tables.table_bytes(table),), parquet_mutation(table.column_names))
    for name, read, table in (
        ("pool", _read_pool, POOL_TABLE),
        ("votes", _read_votes, VOTES_TABLE),
        ("query", _read_query, QUERY_TABLE),
        ("features", _read_features, FEATURES_TABLE),
    )
]
