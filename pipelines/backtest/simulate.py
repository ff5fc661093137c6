"""One arm: a whole campaign in memory, which learns the labels it asks for at once, and what it measures.

Training, scoring and choosing are those of a real campaign, with the same seeds, so an arm comes to the same models as
a campaign with the same samples, seed, recipe and query sizes.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.analysis.accuracy import classification_metrics
from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.core.models.dropout import disagreements_and_information
from labelcycle.components.core.models.heads import Head, LogisticHead
from labelcycle.components.core.models.uncertainty import cross_entropy
from labelcycle.components.select import STRATEGIES, Candidates, select_batch
from labelcycle.components.select.last_layer import with_head
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.feature_training import feature_examples, train_on_features
from labelcycle.components.train_adapter.fit import Examples
from labelcycle.components.train_adapter.logistic_training import (
    LabelledFeatures,
    taking_part,
    train_on_samples,
    uses_pool,
)
from labelcycle.pipelines.backtest.backtest_plan import Arm, BacktestPlan, Chooser, Measured
from labelcycle.pipelines.backtest.labelled_history import Labelled, LabelledHistory

Rows = npt.NDArray[np.int64]


def simulate(
    history: LabelledHistory, plan: BacktestPlan, arm: Arm, on_cycle: Callable[[Measured], None] = lambda measured: None
) -> list[Measured]:
    """Run the arm's campaign.

    Args:
        history: at least as many pool samples as the plan's last cycle has labels.
        plan: sizes, trainer, schedule.
        arm: the strategy, and the seed of cold start, training and choosing.
        on_cycle: called after each trained cycle.

    Returns:
        One a trained cycle, in order; the same for equal inputs but for the seconds.

    Cost: `plan.cycles` trainings of a head, and as many calls of the strategy on the unlabelled rest of the pool.
    """
    labelled = np.zeros(len(history.pool), dtype=np.bool_)
    head: Head | None = None
    results: list[Measured] = []
    for cycle in range(1, plan.cycles + 1):
        start = time.process_time()
        chosen = choose(history, plan, arm, cycle - 1, labelled, head)
        selection_seconds = time.process_time() - start
        labelled[chosen] = True
        start = time.process_time()
        head = train(history, plan, arm, cycle, np.flatnonzero(labelled), head)
        training_seconds = time.process_time() - start
        figures = classification_metrics(
            head.probabilities(history.test.features), history.test.classes, history.classes
        )
        assert figures.accuracy is not None and figures.macro_f1 is not None  # a backtest has test samples
        results.append(
            Measured(
                cycle,
                int(labelled.sum()),
                figures.accuracy,
                figures.macro_f1,
                training_seconds,
                selection_seconds,
            )
        )
        on_cycle(results[-1])
    return results


def choose(
    history: LabelledHistory,
    plan: BacktestPlan,
    arm: Arm,
    cycle: int,
    labelled: npt.NDArray[np.bool_],
    head: Head | None,
) -> Rows:
    """Rows of the pool that the strategy asks for at the end of a cycle, sorted; without a head it is the cold start.

    Args:
        history: the samples.
        plan: how many are asked for, and the scorer.
        arm: the strategy, and the seed of its choice.
        cycle: 0 for the cold start.
        labelled: which rows of the pool are labelled, (N,).
        head: the model of the labelled rows; None at the cold start.
    """
    chooser = arm.compared.chooser if head is not None else arm.compared.cold_start
    budget = plan.initial if head is None else plan.schedule.batch_at(int(labelled.sum()), plan.batch)
    candidates = _candidates(history.pool, plan, arm.seed, cycle, labelled, head, chooser)
    parameters: dict[str, Any] = dict(chooser.parameters)
    picks = select_batch(chooser.strategy, candidates, budget, arm.seed, **parameters)
    rows: Rows = np.searchsorted(history.pool.ids, np.sort(picks.ids)).astype(np.int64)
    return rows


def _candidates(
    pool: Labelled,
    plan: BacktestPlan,
    seed: int,
    cycle: int,
    labelled: npt.NDArray[np.bool_],
    head: Head | None,
    chooser: Chooser,
) -> Candidates:
    """What is unlabelled, with everything that the strategy reads and a backtest knows.

    Passes with dropout, and losses, which take the true classes, are given to a strategy that cannot do without; one
    that only makes use of them computes its own, by its own parameters.
    """
    rows = np.flatnonzero(~labelled)
    ids, features = pool.ids[rows], pool.features[rows]
    strategy = STRATEGIES[chooser.strategy]
    needs, reads = strategy.needs_with(chooser.parameters), strategy.reads_with(chooser.parameters)
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
    if "probs" in reads or "losses" in needs:
        probs = _probabilities(head, features)
        losses = cross_entropy(probs, pool.classes[rows]) if "losses" in needs else None
        found = replace(found, probs=probs, losses=losses)
    if needs & {"disagreements", "mutual_information"}:
        scorer = plan.scorer
        disagreements, information = disagreements_and_information(
            head.last,
            head.hidden_features(features),
            ids,
            seed,
            cycle,
            scorer.passes,
            scorer.rate,
            scorer.place,
        )
        found = replace(found, disagreements=disagreements, mutual_information=information)
    return with_head(found, head, strategy) if "head" in reads or strategy.of_last_layer else found


def _probabilities(head: Head, features: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """Block by block, without a copy of all features in float32: (N, d) → (N, C)."""
    probs = np.empty((len(features), len(head.bias)), np.float32)

    def fill(rows: slice) -> None:
        probs[rows] = head.probabilities(features[rows])

    for_each_block(len(features), fill)
    return probs


def train(
    history: LabelledHistory, plan: BacktestPlan, arm: Arm, cycle: int, rows: Rows, previous: Head | None
) -> Head:
    """The head that `cycle` trains on these rows of the pool.

    Args:
        history: the samples.
        plan: the trainer and its schedule.
        arm: whose seed decides the training.
        cycle: 1 for the first trained one.
        rows: of the pool, sorted.
        previous: the head of the cycle before, with the same pool.
    """
    if isinstance(plan.trainer, LogisticTrainer):
        return _solve(history, plan.trainer, arm.seed, rows, previous)
    with one_core_a_batch():
        trained = train_on_features(
            _examples(history.pool, rows),
            _examples(history.val, np.arange(len(history.val))) if len(history.val) else None,
            len(history.classes),
            plan.trainer,
            plan.schedule.learning_rate(plan.trainer.learning_rate, cycle),
            seed_for(arm.seed, cycle, "train"),
            previous if plan.schedule.warm_start else None,
        )
    return trained.head


def _solve(history: LabelledHistory, trainer: LogisticTrainer, seed: int, rows: Rows, previous: Head | None) -> Head:
    """Logistic regression, with the pool's moments as the arm's earlier head has them: they never change."""
    known = (previous.mean, previous.deviation) if isinstance(previous, LogisticHead) else None
    moments = known or feature_moments([history.pool.features])
    assert moments is not None
    learnt = LabelledFeatures(history.pool.features[rows], history.pool.classes[rows])
    unlabelled = None
    if uses_pool(trainer, len(rows)):
        others = np.setdiff1d(np.arange(len(history.pool)), rows)
        unlabelled = history.pool.features[others[taking_part(history.pool.ids[others], seed)]]
    return train_on_samples(learnt, None, len(history.classes), trainer, moments, unlabelled).head


def _examples(part: Labelled, rows: Rows) -> Examples:
    return feature_examples(part.features[rows], torch.from_numpy(part.classes[rows]))
