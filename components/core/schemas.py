"""Column schemas of the Parquet tables that a campaign keeps."""

import pyarrow as pa

POOL = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("uri", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("split", pa.string(), nullable=False),
        pa.field("caption", pa.string()),
        pa.field("group", pa.string()),
    ]
)
"""One row a sample. `split` is `pool`, `val` or `test`; `uri`, `sha256` are null where only embeddings were given."""

TRUTH = pa.schema([pa.field("sample_id", pa.string(), nullable=False), pa.field("label", pa.string(), nullable=False)])
"""Known labels of the `val` and `test` samples, and of the pool where the selector may read them."""

LABELS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("annotator", pa.string()),
        pa.field("time", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)
"""One row a vote, as cast. `status` is `ok`, `skip`, `unsure` or `withdrawn`; only `ok` rows carry a label."""

CONSENSUS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("votes", pa.int32(), nullable=False),
        pa.field("agreement", pa.float32()),
        pa.field("quality", pa.float32(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)
"""One row a sample with votes. `status` is `ok`, `skip`, `unsure` or `disputed`; only `ok` rows have a label, which is
trained on. `votes` counts people, `agreement` is the share of those who gave a class that gave the label, `quality`
from 0 to 1 says how far the label can be relied on."""

QUERY = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("cluster", pa.int32()),
        pa.field("predicted", pa.string()),
        pa.field("confidence", pa.float32()),
        pa.field("represents", pa.int32()),
        pa.field("explore", pa.bool_()),
        pa.field("opinion", pa.int32()),
        pa.field("probabilities", pa.list_(pa.float32())),
    ]
)
"""One row a sample to be labelled, best first. `predicted` is the model's class at the time of the query; `cluster` is
the number of the cluster that the sample stands for, `represents` how many candidates it stands for, null where there
is none; `explore` says that it was drawn at random. `opinion` counts how often the sample has been asked for, 1 where
it is null; `probabilities` of the classes are kept where the consensus weighs the model."""

QUARANTINE = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("uri", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""Samples that were set aside because they cannot be read, and why."""


def scores_schema(classes: int) -> pa.Schema:
    """Model outputs on the pool for `classes` classes; `predicted` indexes the campaign's class list.

    `mutual_information` and `disagreements` are null where the recipe's scorer makes no passes with dropout, `loss` is
    null where the sample's class is not known.
    """
    return pa.schema(
        [
            pa.field("sample_id", pa.string(), nullable=False),
            pa.field("predicted", pa.int32(), nullable=False),
            pa.field("confidence", pa.float32(), nullable=False),
            pa.field("margin", pa.float32(), nullable=False),
            pa.field("entropy", pa.float32(), nullable=False),
            pa.field("probabilities", pa.list_(pa.float32(), classes), nullable=False),
            pa.field("mutual_information", pa.float32()),
            pa.field("disagreements", pa.int32()),
            pa.field("loss", pa.float32()),
        ]
    )


def features_schema(width: int) -> pa.Schema:
    """One row a sample: its feature vector of `width` float16 values."""
    return pa.schema(
        [
            pa.field("sample_id", pa.string(), nullable=False),
            pa.field("feature", pa.list_(pa.float16(), width), nullable=False),
        ]
    )
