"""The temperature that a model's confidences are calibrated with: on samples that it has not seen.

A bad temperature costs samples that could have been certified, never the certificate.

Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.pool_ids import pool_ids
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.test_set import to_learn_from, to_test_with
from labelcycle.components.core.campaign.vote_tables import labels_of
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import LogisticHead
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import CONSENSUS, read_table
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples
from labelcycle.components.train_adapter.temperature import likeliest_temperature
from labelcycle.pipelines.models.choice import Chosen

LEAST = 25
"""Labelled samples below which no temperature is looked for."""

Unseen = Literal["test", "labels", "nothing"]


@dataclass(frozen=True)
class Calibration:
    """A temperature, and how it was found.

    Attributes:
        temperature: what logits are divided by.
        on: `test` for the test set; `labels` for the samples that people labelled, by cross-validation; `nothing`.
        samples: how many of these there were.
    """

    temperature: float = 1.0
    on: Unseen = "nothing"
    samples: int = 0


def calibrate(chosen: Chosen, state: State) -> Calibration:
    """The likeliest temperature for the test set; without that for the labels of people, by cross-validation.

    The second is for models of the trainer `logistic`, which are trained in a moment. Labels that active learning asked
    for are of hard samples, so that it is too careful by some. With fewer than 25 labelled samples of either kind, or
    without their features, the temperature is 1.

    Args:
        chosen: the model.
        state: the campaign's.

    Cost: reads the features of these samples; five trainings of a logistic regression without a test set.
    """
    store, campaign = chosen.store, state.campaign
    people = _labels_of_people(store, state)
    tested = to_test_with(store, campaign, pool_ids(store, campaign), people)
    if (found := _features(chosen, state, tested)) is not None:
        logits = chosen.head.logits(found.features).astype(np.float64)
        possible = np.isfinite(logits[np.arange(len(logits)), found.classes])
        if possible.sum() >= LEAST:
            temperature = likeliest_temperature(logits[possible], found.classes[possible])
            return Calibration(temperature, "test", int(possible.sum()))
    trainer, head = chosen.campaign.recipe.trainer, chosen.head
    is_of_trainer = chosen.training.trainer == "logistic" and chosen.training.settings in (None, "trainer")
    if isinstance(trainer, LogisticTrainer) and isinstance(head, LogisticHead) and is_of_trainer:
        learnt = _features(chosen, state, to_learn_from(store, campaign, people))
        if learnt is not None:
            return _cross_validated(learnt, trainer, head)
    return Calibration()


def _cross_validated(learnt: LabelledFeatures, trainer: LogisticTrainer, head: LogisticHead) -> Calibration:
    """That of a model trained anew in folds; 1 where the trainer has divided by it already."""
    if trainer.temperature == "cross_validated":
        return Calibration(1.0, "labels", len(learnt.classes))
    again = trainer.model_copy(update={"temperature": "cross_validated"})
    trained = train_on_samples(learnt, None, len(head.weight), again, (head.mean, head.deviation))
    return Calibration(trained.fitted.temperature or 1.0, "labels", len(learnt.classes))


def _features(chosen: Chosen, state: State, labels: dict[str, str]) -> LabelledFeatures | None:
    """Features of the samples whose class the model knows; None where they are too few, or gone."""
    number = {state.campaign.class_of(name): index for index, name in enumerate(chosen.campaign.classes)}
    known = {name: number[label] for name, label in labels.items() if label in number}
    if len(known) < LEAST:
        return None
    try:
        ids, features = FeatureSpace(chosen.store, chosen.training.space).read(sorted(known))
    except CampaignError:
        return None
    classes: npt.NDArray[np.int64] = np.array([known[name] for name in ids], np.int64)
    return LabelledFeatures(features, classes) if len(ids) >= LEAST else None


def _labels_of_people(store: Store, state: State) -> dict[str, str]:
    reference = state.commits[-1].objects.get("consensus")
    return {} if reference is None else labels_of(read_table(store, reference, CONSENSUS))
