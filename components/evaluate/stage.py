"""The evaluate stage: measure this cycle's model on the test set."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from labelcycle.components.analysis.metrics import classification_metrics, known_unknown, reliability
from labelcycle.components.analysis.savings import Curve, learning_curve
from labelcycle.components.analysis.stop import CurvePoint, reason_to_stop
from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.campaign import load_pool, load_truth
from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.campaign.queries import read_queries, read_query
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.votes import votes_in
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.runtime.observation import observed
from labelcycle.components.evaluate.annotators import annotator_figures, disputed_samples
from labelcycle.components.evaluate.batch_points import batch_points
from labelcycle.components.evaluate.label_noise import LabelNoise, find_label_noise, nothing_judged
from labelcycle.components.evaluate.projection_figures import forecast_figures, read_random_arm, saving_figures
from labelcycle.components.evaluate.test_features import Features, read_features


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
    """Measure the model and write `metrics.json` and `label_suspects.parquet` into the attempt.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the cycle, from 0.
        attempt: the attempt's name, from label_ingest.

    Raises:
        InputError: no test image could be read.

    Cost: one matrix product over the test features, and a cross-validated logistic regression on the labelled ones; no
    network is loaded.
    """
    work = open_attempt(root, cycle, attempt)
    campaign = work.campaign
    training = work.read_json("training.json")
    head = read_head(work.read("head.safetensors"))
    pool = load_pool(work.store, campaign)
    test_ids = pool.filter(pc.equal(pool["split"], "test"))["sample_id"].to_pylist()
    labelled = work.labelled()
    test, of_labelled = read_features(work, training["space"], test_ids, labelled)
    if not test.ids:
        raise InputError("No test sample has features: their images cannot be read. Restore them and run again.")
    truth = load_truth(work.store, campaign)
    index = {name: number for number, name in enumerate(campaign.classes)}
    targets = np.array([index[truth[name]] for name in test.ids], dtype=np.int64)
    probabilities = head.probabilities(test.vectors)
    metrics = {
        "cycle": cycle,
        "labels": work.decision.labelled,
        "answers": work.decision.answered,
        "label_cost": campaign.prices.of_labels(work.decision.answered),
        "space": training["space"],
        "training": training,
        "previous_query": _previous_query(work),
        "alignment": _alignment(work),
        **classification_metrics(probabilities, targets, campaign.classes),
        "reliability": reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == targets),
    }
    if campaign.recipe.data_selection is not None:
        metrics["batch_points"] = batch_points(work, campaign.recipe.data_selection, test.vectors, targets)
    state = read_state(work.store)
    metrics["stop"] = _reason_to_stop(work, state, metrics["accuracy"])
    metrics |= _projection(work, state, metrics["accuracy"], len(test.ids)) | _people(work)
    noise = _label_noise(work, labelled, of_labelled)
    work.write_table("label_suspects.parquet", noise.suspects)
    metrics["label_suspects"] = {
        "found": noise.found,
        "judged": noise.judged,
        "reason": noise.reason,
        "rows": [_plain(row) for row in noise.suspects.to_pylist()],
    }
    work.write_json("metrics.json", metrics)
    if not work.record("evaluate"):
        metrics = work.read_json("metrics.json")
    return Evaluated(**{name: metrics[name] for name in Evaluated.__dataclass_fields__})


def _alignment(work: Attempt) -> dict[str, Any] | None:
    """The record of the alignment, where the recipe has one and this is not the final model."""
    if work.campaign.recipe.alignment is None or work.decision.action == "finalize":
        return None
    record: dict[str, Any] = work.read_json("alignment.json")
    return record


def _earlier_points(work: Attempt, state: State) -> list[CurvePoint]:
    """The trained cycles before this one."""
    earlier = state.summaries[: work.cycle]
    return [CurvePoint(past.answers, past.accuracy) for past in earlier if past.accuracy is not None and not past.final]


def _reason_to_stop(work: Attempt, state: State, accuracy: float) -> str | None:
    """Why the recipe's stop rule ends the campaign here, in words; None where it does not, or the budget does."""
    campaign, stop = work.campaign, work.campaign.recipe.stop
    if (stop.plateau_cycles is None and stop.worth_of_a_point is None) or work.decision.query_size == 0:
        return None
    points = [*_earlier_points(work, state), CurvePoint(work.decision.answered, accuracy)]
    return reason_to_stop(points, stop, campaign.prices)


def _projection(work: Attempt, state: State, accuracy: float, test_samples: int) -> dict[str, Any]:
    """The saving against the random arm and the forecast; neither counts the final model, whose trainer differs."""
    before = learning_curve(replace(state, summaries=state.summaries[: work.cycle]))
    points = _earlier_points(work, state)
    if work.decision.action != "finalize":
        before = Curve([*before.labels, work.decision.labelled], [*before.accuracy, accuracy])
        points = [*points, CurvePoint(work.decision.answered, accuracy)]
    begins_at_random = work.campaign.recipe.cold_start.strategy == "random"
    return {
        "random": saving_figures(before, read_random_arm(work.store), begins_at_random),
        "forecast": forecast_figures(points, test_samples, work.campaign),
    }


def _people(work: Attempt) -> dict[str, Any]:
    """How well the annotators agree, and the samples that they do not agree on."""
    votes = votes_in(work.votes())
    labelled = work.labelled()
    predicted: dict[str, str] = {}
    for query in read_queries(work.store, work.decision.queries):
        rows = zip(query["sample_id"].to_pylist(), query["predicted"].to_pylist(), strict=True)
        predicted |= {sample_id: name for sample_id, name in rows if name is not None}
    return {
        "annotators": annotator_figures(votes, labelled, predicted),
        "disputed": disputed_samples(votes, labelled),
    }


def _label_noise(work: Attempt, labelled: dict[str, str], features: Features | None) -> LabelNoise:
    if features is None:
        return nothing_judged("no feature space holds all labelled samples")
    labels = [labelled[name] for name in features.ids]
    return find_label_noise(features.ids, features.vectors, labels, work.campaign.classes)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its float32 figures as short decimals."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


def _previous_query(work: Attempt) -> dict[str, Any] | None:
    reference = work.decision.previous.get("query")
    if reference is None:
        return None
    return known_unknown(read_query(work.store, reference), work.labelled())
