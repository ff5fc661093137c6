"""Heads that methods are measured with: the default recipe's, and what users of scikit-activeml mostly take.

Both come as heads of labelcycle, so that every method, whoever's it is, gets and gives the same things.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.linear_model import LogisticRegression

from labelcycle.components.core.models.head import EPSILON, LinearHead
from labelcycle.components.core.models.heads import Head
from labelcycle.components.train_adapter.feature_moments import Moments
from labelcycle.pipelines.backtest.backtest_plan import Arm, BacktestPlan
from labelcycle.pipelines.backtest.labelled_history import Labelled, LabelledHistory
from labelcycle.pipelines.backtest.simulate import train

OURS, SCIKIT_LEARN = "logistic", "scikit-learn"
HEADS = (OURS, SCIKIT_LEARN)
INVERSE_STRENGTH = 0.05
"""C of scikit-learn."""

Rows = npt.NDArray[np.int64]


def fitted(
    name: str,
    history: LabelledHistory,
    plan: BacktestPlan,
    arm: Arm,
    cycle: int,
    rows: Rows,
    previous: Head | None,
    moments: Moments,
) -> Head:
    """The head of that name, trained on these rows of the pool.

    Args:
        name: one of `HEADS`.
        history: the samples.
        plan: with the default recipe's trainer.
        arm: whose seed decides the training.
        cycle: 1 for the first.
        rows: sorted.
        previous: the head of the cycle before.
        moments: mean and deviation of the pool.
    """
    if name == OURS:
        return train(history, plan, arm, cycle, rows, previous)
    return scikit_learn_head(history.pool, rows, len(history.classes), moments)


def settings_of(name: str, plan: BacktestPlan) -> dict[str, Any]:
    """What decides a head's results."""
    if name == OURS:
        version = getattr(plan.trainer, "version", 1)
        return {"head": name, "version": version, **plan.trainer.model_dump(mode="json")}
    return {"head": name, "C": INVERSE_STRENGTH, "scikit-learn": sklearn.__version__}


def scikit_learn_head(pool: Labelled, rows: Rows, classes: int, moments: Moments) -> LinearHead:
    """Logistic regression of scikit-learn on standardised features; a class without labels has probability 0."""
    mean, deviation = moments
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    weight = np.zeros((classes, len(mean)), np.float32)
    bias = np.full(classes, -np.inf, np.float32)
    present = np.unique(pool.classes[rows])
    bias[present] = 0
    if len(present) > 1:
        peer = LogisticRegression(C=INVERSE_STRENGTH, max_iter=3000)
        with warnings.catch_warnings():  # of many classes with one label each
            warnings.simplefilter("ignore")
            peer.fit((pool.features[rows].astype(np.float32) - mean) * scale, pool.classes[rows])
        weighted = present[1:] if len(present) == 2 else present  # of two classes the second one's logit alone
        weight[weighted], bias[weighted] = peer.coef_, peer.intercept_
    return LinearHead(mean, np.full_like(mean, 1 - EPSILON), scale, np.zeros_like(mean), weight, bias)


def seen_by(head: Head, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Features as the head's last linear layer sees them, normalised: (N, d)."""
    factor, offset = head.last.normalisation()
    seen: npt.NDArray[np.float32] = head.hidden_features(features).astype(np.float32) * factor + offset
    return seen
