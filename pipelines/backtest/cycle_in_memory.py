"""One cycle on features in memory: the candidates that a strategy sees, and the head that training makes.

Training and scoring are those of the stages, with the same seeds, so both come to what a campaign with the same
samples, seed and recipe comes to. Backtests and `labelcycle.ActiveLearner` are loops around it.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.config.recipe import Schedule
from labelcycle.components.core.config.trainers import EpochTrainer, FeatureTrainer, LearnsFromPool, LogisticTrainer
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.ordering import CHUNK_ROWS, seed_for
from labelcycle.components.core.models.dropout import disagreements_and_information
from labelcycle.components.core.models.heads import Head, LogisticHead
from labelcycle.components.core.models.uncertainty import cross_entropy
from labelcycle.components.select import Candidates
from labelcycle.components.select.last_layer import with_head
from labelcycle.components.select.strategy import Strategy
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.learning_from_pool import taking_part, uses_pool
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples
from labelcycle.pipelines.backtest.labelled_history import Labelled

Rows = npt.NDArray[np.int64]

OF_DROPOUT = frozenset({"disagreements", "mutual_information"})


def candidates_of(
    pool: Labelled,
    asked: npt.NDArray[np.bool_],
    labelled: Rows,
    head: Head | None,
    strategy: Strategy,
    reads: frozenset[str],
    seed: int,
    cycle: int,
    dropout: DropoutScorer | None = None,
    losses: bool = False,
) -> Candidates:
    """What was not asked for yet, with the fields that are read and can be known.

    Args:
        pool: all samples, (N, d); the classes of `labelled` are looked at alone, unless `losses`.
        asked: which rows were asked for, (N,).
        labelled: rows that have a label, sorted.
        head: the model of the labelled rows; None at the cold start.
        strategy: who reads.
        reads: optional fields of `Candidates`.
        seed: the campaign's, of the passes with dropout.
        cycle: the one that asks, from 0.
        dropout: how the head is asked with dropout; None where it is not.
        losses: whether they are given, which takes the classes of all rows.
    """
    rows = np.flatnonzero(~asked)
    ids, features = pool.ids[rows], pool.features[rows]
    found = Candidates(ids=ids, features=features if "features" in reads else None, cycle=cycle)
    if head is None:
        return found
    if reads & {"labelled_ids", "labelled_features", "labelled_classes"}:
        found = replace(
            found,
            labelled_ids=pool.ids[labelled],
            labelled_features=pool.features[labelled] if "labelled_features" in reads else None,
            labelled_classes=pool.classes[labelled],
        )
    chunks = _chunks(rows, len(pool))
    if "probs" in reads or losses:
        probs = _probabilities(head, features, chunks)
        found = replace(found, probs=probs, losses=cross_entropy(probs, pool.classes[rows]) if losses else None)
    if dropout is not None:
        parts = [
            disagreements_and_information(
                head.last,
                head.hidden_features(features[chunk]),
                ids[chunk],
                seed,
                cycle,
                dropout.passes,
                dropout.rate,
                dropout.place,
            )
            for chunk in chunks
        ]
        counts, information = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        found = replace(found, disagreements=counts, mutual_information=information)
    return with_head(found, head, strategy) if "head" in reads or strategy.of_last_layer else found


def _chunks(rows: Rows, pool: int) -> list[slice]:
    """The rows in the chunks in which the score stage takes the pool, so that sums round alike."""
    ends = np.searchsorted(rows, np.arange(0, pool + CHUNK_ROWS, CHUNK_ROWS))
    return [slice(start, end) for start, end in zip(ends, ends[1:], strict=False) if end > start]


def _probabilities(head: Head, features: npt.NDArray[np.float16], chunks: list[slice]) -> npt.NDArray[np.float32]:
    """Chunk by chunk, without a copy of all features in float32: (N, d) → (N, C)."""
    probs = np.empty((len(features), len(head.bias)), np.float32)

    def fill(number: slice) -> None:
        chunk = chunks[number.start]
        probs[chunk] = head.probabilities(features[chunk])

    for_each_block(len(chunks), fill, block_rows=1)
    return probs


def train_head(
    pool: Labelled,
    validation: Labelled,
    classes: int,
    trainer: FeatureTrainer,
    schedule: Schedule,
    seed: int,
    cycle: int,
    rows: Rows,
    previous: Head | None,
) -> Head:
    """The head that a cycle trains on these rows of the pool.

    Args:
        pool: all samples; the classes of `rows` are looked at alone.
        validation: the samples that choose the best epoch; may be empty.
        classes: C.
        trainer: which head, and how it is trained.
        schedule: how that changes from cycle to cycle.
        seed: the campaign's.
        cycle: from 0.
        rows: those with a label, sorted; at least one.
        previous: the head of the cycle before, with the same pool; None for none.
    """
    if isinstance(trainer, LogisticTrainer):
        return _solve(pool, classes, trainer, seed, rows, previous)
    return _train_in_epochs(
        pool,
        validation,
        classes,
        trainer,
        schedule.learning_rate(trainer.learning_rate, cycle),
        seed_for(seed, cycle, "train"),
        rows,
        previous if schedule.warm_start else None,
        _unlabelled(pool, trainer, seed, rows),
    )


def _train_in_epochs(
    pool: Labelled,
    validation: Labelled,
    classes: int,
    trainer: EpochTrainer,
    learning_rate: float,
    seed: int,
    rows: Rows,
    previous: Head | None,
    unlabelled: npt.NDArray[np.float16] | None,
) -> Head:
    import torch  # which logistic regression does without

    from labelcycle.components.train_adapter.feature_training import feature_examples, train_on_features

    training = feature_examples(pool.features[rows], torch.from_numpy(pool.classes[rows]))
    held = feature_examples(validation.features, torch.from_numpy(validation.classes)) if len(validation) else None
    return train_on_features(training, held, classes, trainer, learning_rate, seed, previous, None, unlabelled).head


def _solve(
    pool: Labelled, classes: int, trainer: LogisticTrainer, seed: int, rows: Rows, previous: Head | None
) -> Head:
    """Logistic regression, with the pool's moments as the earlier head has them: they never change."""
    known = (previous.mean, previous.deviation) if isinstance(previous, LogisticHead) else None
    moments = known or feature_moments([pool.features])
    assert moments is not None
    learnt = LabelledFeatures(pool.features[rows], pool.classes[rows])
    return train_on_samples(learnt, None, classes, trainer, moments, _unlabelled(pool, trainer, seed, rows)).head


def _unlabelled(pool: Labelled, trainer: FeatureTrainer, seed: int, rows: Rows) -> npt.NDArray[np.float16] | None:
    """Features of the samples without a label that take part; None where the trainer takes none."""
    if not isinstance(trainer, LearnsFromPool) or not uses_pool(trainer, len(rows)):
        return None
    others = np.setdiff1d(np.arange(len(pool)), rows)
    return pool.features[others[taking_part(pool.ids[others], seed)]]
