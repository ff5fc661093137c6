"""One arm: a whole campaign in memory, which learns the labels it asks for at once, and what it measures.

Training, scoring and choosing are those of a real campaign, with the same seeds, so an arm comes to the same models as
a campaign with the same samples, seed, recipe and query sizes.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.analysis.accuracy import classification_metrics
from labelcycle.components.core.models.heads import Head
from labelcycle.components.select import STRATEGIES, select_batch
from labelcycle.pipelines.backtest.backtest_plan import Arm, BacktestPlan, Measured
from labelcycle.pipelines.backtest.cycle_in_memory import OF_DROPOUT, candidates_of, train_head
from labelcycle.pipelines.backtest.labelled_history import LabelledHistory

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

    Passes with dropout, and losses, which take the true classes, are given to a strategy that cannot do without; one
    that only makes use of them computes its own, by its own parameters.

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
    parameters: dict[str, Any] = dict(chooser.parameters)
    strategy = STRATEGIES[chooser.strategy]
    needs = strategy.needs_with(parameters)
    candidates = candidates_of(
        history.pool,
        labelled,
        np.flatnonzero(labelled),
        head,
        strategy,
        strategy.reads_with(parameters),
        arm.seed,
        cycle,
        dropout=plan.scorer if needs & OF_DROPOUT else None,
        losses="losses" in needs,
    )
    picks = select_batch(chooser.strategy, candidates, budget, arm.seed, **parameters)
    rows: Rows = np.searchsorted(history.pool.ids, np.sort(picks.ids)).astype(np.int64)
    return rows


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
    return train_head(
        history.pool,
        history.val,
        len(history.classes),
        plan.trainer,
        plan.schedule,
        arm.seed,
        cycle,
        rows,
        previous,
    )
