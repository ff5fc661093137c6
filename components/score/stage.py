"""The score stage: ask the current head about every unlabelled sample of the pool."""

import bisect
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.campaign.pool import load_truth
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.queries import queried_ids
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.ordering import chunks_of_shard
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.dropout import disagreements_and_information
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.models.uncertainty import confidence, cross_entropy, entropy, margin
from labelcycle.components.core.runtime.observation import Progress, observed
from labelcycle.components.core.storage.tables import matrix_to_column, scores_name, scores_schema


@dataclass(frozen=True)
class Scored(Facts, rows="scored"):
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

    Cost: reads the parts of the feature space that hold the shard's samples. One matrix product over their features,
    O(N·d·C), and one more for each pass with dropout; no network is loaded. Memory for these features and their table.
    """
    return score_pool(open_attempt(root, cycle, attempt), shard, shards)


def score_pool(work: Attempt, shard: int = 0, shards: int = 1) -> Scored:
    """Score the unlabelled samples of a shard of an attempt, and record them, as `run`."""
    schema = scores_schema(len(work.campaign.classes))
    if work.decision.query_size == 0:
        return _kept(work, schema.empty_table(), shard, shards)
    asking = _Asking(work)
    chunks = _unasked(work, shard, shards)
    wanted = [name for chunk in chunks for name in chunk]
    space = FeatureSpace(work.store, work.read_record("training.json", TrainingFacts).space)
    found, features = space.read(wanted) if wanted else ([], np.empty((0, 0), np.float16))

    with Progress("score", len(wanted), "sample") as progress:

        def score_chunk(number: slice) -> pa.Table:
            chunk = chunks[number.start]
            rows = slice(bisect.bisect_left(found, chunk[0]), bisect.bisect_right(found, chunk[-1]))
            ids = found[rows]
            table = asking.about(ids, features[rows]) if ids else schema.empty_table()
            progress.advance(len(chunk))
            return table

        tables = for_each_block(len(chunks), score_chunk, block_rows=1)
    table = pa.concat_tables([schema.empty_table(), *tables])
    return _kept(work, table, shard, shards)


def _kept(work: Attempt, table: pa.Table, shard: int, shards: int) -> Scored:
    name = scores_name(shard, shards)
    work.write_table(f"scores/{name}.parquet", table)
    work.record(f"score-{name}")
    return Scored(table.num_rows)


class _Asking:
    """The head and all that is asked of it."""

    def __init__(self, work: Attempt) -> None:
        self._head = read_head(work.read("head.safetensors"))
        self._seed, self._cycle = work.campaign.seed, work.cycle
        self._schema = scores_schema(len(work.campaign.classes))
        self._scorer = work.campaign.recipe.scorer
        number = {name: index for index, name in enumerate(work.campaign.classes)}
        self._truth = {name: number[label] for name, label in load_truth(work.store, work.campaign).items()}

    def about(self, ids: list[str], features: npt.NDArray[np.float16]) -> pa.Table:
        """The scores of one chunk of samples."""
        probabilities = self._head.probabilities(features)
        size = len(ids)
        information, disagreements = pa.nulls(size, pa.float32()), pa.nulls(size, pa.int32())
        if isinstance(self._scorer, DropoutScorer):
            scorer = self._scorer
            counts, nats = disagreements_and_information(
                self._head.last,
                self._head.hidden_features(features),
                ids,
                self._seed,
                self._cycle,
                scorer.passes,
                scorer.rate,
                scorer.place,
            )
            information, disagreements = pa.array(nats), pa.array(counts)
        columns = {
            "sample_id": pa.array(ids, pa.string()),
            "predicted": pa.array(probabilities.argmax(axis=1), pa.int32()),
            "confidence": pa.array(confidence(probabilities)),
            "margin": pa.array(margin(probabilities)),
            "entropy": pa.array(entropy(probabilities)),
            "probabilities": matrix_to_column(probabilities),
            "mutual_information": information,
            "disagreements": disagreements,
            "loss": self._losses(ids, probabilities),
        }
        return pa.table(columns, schema=self._schema)

    def _losses(self, ids: list[str], probabilities: npt.NDArray[np.float32]) -> pa.Array:
        """The loss on each sample whose class is known, null for the others."""
        classes = np.array([self._truth.get(name, -1) for name in ids])
        return pa.array(cross_entropy(probabilities, classes), mask=classes < 0)


def _unasked(work: Attempt, shard: int, shards: int) -> list[list[str]]:
    """Ids of the shard's chunks of the pool, less those that were asked for in an earlier cycle."""
    asked = queried_ids(work)
    chunks = chunks_of_shard(ids_of_split(work.store, work.campaign, "pool"), shard, shards)
    return [left for chunk in chunks if (left := [name for name in chunk if name not in asked])]
