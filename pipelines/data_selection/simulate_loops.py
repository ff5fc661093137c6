"""One arm: all loops of a data selection in memory, on features.

Choosing, augmenting, training and measuring are those of a campaign, with the same seeds, so an arm comes to the same
models as a campaign with the same samples, seed and recipe.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.config.selection_loops import DataSelection
from labelcycle.components.core.config.trainers import LinearTrainer
from labelcycle.components.core.features.embedding_augmentation import augment_pool, fit_text_map
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.uncertainty import cross_entropy
from labelcycle.components.evaluate.batch_points import point_metrics
from labelcycle.components.select import STRATEGIES, Candidates, select_batch
from labelcycle.components.select.strategy import take_rows
from labelcycle.components.train_adapter.caption_pull import pull_of
from labelcycle.components.train_adapter.feature_training import feature_examples
from labelcycle.components.train_adapter.fit import Examples
from labelcycle.components.train_adapter.selected_data import budget_of, train_head
from labelcycle.pipelines.data_selection.batches_to_accuracy import BatchPoint

Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelledPool:
    """What a selection chooses from, and what measures it.

    Attributes:
        ids: N sample ids, sorted.
        features: float16 (N, d).
        classes: class indices (N,).
        texts: features of captions (N, t), or None.
        test_features: (T, d).
        test_classes: (T,).
        names: C class names.
    """

    ids: npt.NDArray[np.str_]
    features: npt.NDArray[np.float16]
    classes: Classes
    texts: npt.NDArray[np.float16] | None
    test_features: npt.NDArray[np.float16]
    test_classes: Classes
    names: list[str]


@dataclass(frozen=True)
class SelectionArm:
    """How an arm chooses and trains: `selected` samples a loop by `strategy`, called with `parameters`.

    The first loop, which knows no model, chooses by `first`, called with `first_parameters`; where `first` is None, by
    `strategy`.
    """

    strategy: str
    selected: int
    settings: DataSelection
    trainer: LinearTrainer
    parameters: Mapping[str, Any] = field(default_factory=dict)
    first: str | None = None
    first_parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Simulated:
    """The points of all loops, and the ids that each loop chose."""

    points: list[BatchPoint]
    selections: list[list[str]]


def simulate_selection(pool: LabelledPool, arm: SelectionArm, seed: int) -> Simulated:
    """Run the arm's loops.

    Args:
        pool: features, classes, texts where the arm augments.
        arm: strategy, sizes, budget, trainer.
        seed: decides choosing and training.

    Cost: that of the strategy once a loop, and of the batches.
    """
    head: LinearHead | None = None
    optimiser: dict[str, torch.Tensor] | None = None
    chosen = so_far = np.empty(0, np.int64)
    points: list[BatchPoint] = []
    selections: list[list[str]] = []
    for loop in range(1, arm.settings.loops + 1):
        chosen = _choose(pool, arm, loop - 1, seed, head, chosen, so_far)
        so_far = np.union1d(so_far, chosen)
        selections.append(pool.ids[chosen].tolist())
        heads: dict[int, LinearHead] = {}
        trained = train_head(
            _examples(pool, arm.settings, so_far if arm.settings.replay else chosen),
            len(pool.names),
            arm.trainer,
            budget_of(arm.settings, loop),
            seed_for(seed, loop, "train"),
            head,
            heads.__setitem__,
            optimiser,
        )
        assert isinstance(trained.head, LinearHead)
        head, optimiser = trained.head, trained.optimiser
        for batches, measured in heads.items():
            figures = point_metrics(measured.probabilities(pool.test_features), pool.test_classes, arm.settings)
            points.append(BatchPoint(batches, figures))
    return Simulated(points, selections)


def _examples(pool: LabelledPool, settings: DataSelection, rows: Classes) -> Examples:
    """What a loop is trained on: these rows, moved towards their captions where the settings say so."""
    training = feature_examples(pool.features[rows], torch.from_numpy(pool.classes[rows]))
    if not settings.train_augmented or not settings.text_step or pool.texts is None:
        return training
    same = pool.texts.shape[1] == pool.features.shape[1]
    text_map = None if same else fit_text_map(pool.texts, pool.features)
    pull = pull_of(pool.features[rows], pool.texts[rows], settings.text_step, text_map)
    return Examples(pull(training.inputs), training.targets)


def _choose(
    pool: LabelledPool,
    arm: SelectionArm,
    cycle: int,
    seed: int,
    head: LinearHead | None,
    last: Classes,
    so_far: Classes,
) -> Classes:
    """Rows of the pool, sorted, that the loop after `cycle` is trained on; without a head all losses are ln C."""
    strategy, parameters = arm.strategy, arm.parameters
    if head is None and arm.first is not None:
        strategy, parameters = arm.first, arm.first_parameters
    reads = STRATEGIES[strategy].reads_with(parameters)
    features: npt.NDArray[np.floating] | None = pool.features if "features" in reads else None
    losses: npt.NDArray[np.floating] | None = None
    if "losses" in reads and head is None:
        losses = np.full(len(pool.ids), np.log(len(pool.names)), np.float32)
    elif "losses" in reads and head is not None:
        losses = cross_entropy(head.probabilities(pool.features), pool.classes)
    settings = arm.settings
    if cycle and features is not None and pool.texts is not None and settings.augmentation != "none":
        features = augment_pool(pool.features, pool.texts, last, settings.augmentation, settings.text_step).features
    candidates = Candidates(ids=pool.ids, features=features, losses=losses, cycle=cycle, head=head)
    if settings.earlier_picks == "labelled" and head is not None:
        candidates = replace(
            take_rows(candidates, np.setdiff1d(np.arange(len(pool.ids)), so_far)),
            labelled_ids=pool.ids[so_far],
            labelled_features=pool.features[so_far],
            labelled_classes=pool.classes[so_far],
        )
    picks = select_batch(strategy, candidates, arm.selected, seed, **parameters)
    rows: Classes = np.searchsorted(pool.ids, np.sort(picks.ids)).astype(np.int64)
    return rows
