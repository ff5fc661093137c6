"""The evaluate stage: measure this cycle's model on the test set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from labelcycle.components.core.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign import load_pool, load_truth
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.facts import Facts
from labelcycle.components.core.heads import read_head
from labelcycle.components.core.observation import observed
from labelcycle.components.core.queries import read_query
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.state import read_state
from labelcycle.components.evaluate.batch_points import batch_points
from labelcycle.components.evaluate.known_unknown import known_unknown
from labelcycle.components.evaluate.metrics import classification_metrics
from labelcycle.components.evaluate.stop import Point, reason_to_stop


@dataclass(frozen=True)
class Evaluated(Facts, rows="test_samples"):
    """The headline figures of the cycle."""

    labels: int
    accuracy: float
    macro_f1: float
    ece: float
    label_cost: float
    test_samples: int


@observed
def run(root: str, cycle: int, attempt: str) -> Evaluated:
    """Measure the model and write `metrics.json` into the attempt.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the cycle, from 0.
        attempt: the attempt's name, from label_ingest.

    Raises:
        InputError: no test image could be read.

    Cost: one matrix product over the test features; no network is loaded.
    """
    work = open_attempt(root, cycle, attempt)
    campaign = work.campaign
    training = work.read_json("training.json")
    head = read_head(work.read("head.safetensors"))
    pool = load_pool(work.store, campaign)
    test_ids = pool.filter(pc.equal(pool["split"], "test"))["sample_id"].to_pylist()
    found, features = FeatureSpace(work.store, training["space"]).read(test_ids)
    if not found:
        raise InputError("No test sample has features: their images cannot be read. Restore them and run again.")
    truth = load_truth(work.store, campaign)
    index = {name: number for number, name in enumerate(campaign.classes)}
    targets = np.array([index[truth[name]] for name in found], dtype=np.int64)
    metrics = {
        "cycle": cycle,
        "labels": work.decision.labelled,
        "answers": work.decision.answered,
        "label_cost": campaign.prices.of_labels(work.decision.answered),
        "space": training["space"],
        "training": training,
        "previous_query": _previous_query(work),
        "alignment": _alignment(work),
        **classification_metrics(head.probabilities(features), targets, campaign.classes),
    }
    if campaign.recipe.data_selection is not None:
        metrics["batch_points"] = batch_points(work, campaign.recipe.data_selection, features, targets)
    metrics["stop"] = _reason_to_stop(work, metrics["accuracy"])
    work.write_json("metrics.json", metrics)
    return Evaluated(**{name: metrics[name] for name in Evaluated.__dataclass_fields__})


def _alignment(work: Attempt) -> dict[str, Any] | None:
    """The record of the alignment, where the recipe has one and this is not the final model."""
    if work.campaign.recipe.alignment is None or work.decision.action == "finalize":
        return None
    record: dict[str, Any] = work.read_json("alignment.json")
    return record


def _reason_to_stop(work: Attempt, accuracy: float) -> str | None:
    """Why the recipe's stop rule ends the campaign here, in words; None where it does not, or the budget does."""
    campaign, stop = work.campaign, work.campaign.recipe.stop
    if (stop.plateau_cycles is None and stop.worth_of_a_point is None) or work.decision.query_size == 0:
        return None
    earlier = read_state(work.store).summaries[: work.cycle]
    points = [Point(past.answers, past.accuracy) for past in earlier if past.accuracy is not None and not past.final]
    return reason_to_stop([*points, Point(work.decision.answered, accuracy)], stop, campaign.prices)


def _previous_query(work: Attempt) -> dict[str, Any] | None:
    reference = work.decision.previous.get("query")
    if reference is None:
        return None
    return known_unknown(read_query(work.store, reference), work.labelled())
