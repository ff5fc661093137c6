"""The evaluate stage: measure this cycle's model on the test set."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import pyarrow.compute as pc

from labelcycle.components.analysis.accuracy import known_unknown
from labelcycle.components.analysis.label_noise import LabelNoise, find_label_noise, nothing_judged
from labelcycle.components.analysis.labels_by_class import labels_by_class
from labelcycle.components.analysis.savings import Curve, learning_curve
from labelcycle.components.analysis.stop import CurvePoint, reason_to_stop
from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.cycle_metrics import MISTAKEN, ClassificationMetrics, CycleMetrics, RandomArm
from labelcycle.components.core.campaign.estimate import AccuracyEstimate
from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.campaign.label_quality import LabelSuspect, LabelSuspects
from labelcycle.components.core.campaign.pool_ids import ids_in_split
from labelcycle.components.core.campaign.price_history import price_history_before
from labelcycle.components.core.campaign.queries import read_query, requests_in
from labelcycle.components.core.campaign.rechecks import is_second_answer, rechecked_samples
from labelcycle.components.core.campaign.remeasured import NAME, on_present_test_set
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.summary import KnownUnknown
from labelcycle.components.core.campaign.training import AlignmentVerdict, TrainingFacts
from labelcycle.components.core.campaign.vote_tables import labels_of, votes_in
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.config.recipe import StopMetric
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.runtime.observation import observed
from labelcycle.components.core.storage.tables import CONSENSUS, read_table
from labelcycle.components.evaluate.annotators import annotator_figures, disputed_samples
from labelcycle.components.evaluate.batch_points import batch_points
from labelcycle.components.evaluate.confused_pairs import confused_pairs, mistaken_samples
from labelcycle.components.evaluate.earlier_models import remeasure
from labelcycle.components.evaluate.measured import estimate, measure
from labelcycle.components.evaluate.projection_figures import (
    forecast_figures,
    random_source,
    read_random_arm,
    saving_figures,
)
from labelcycle.components.evaluate.rechecked_labels import given_again, recheck_figures
from labelcycle.components.evaluate.test_features import Features, read_features


@dataclass(frozen=True)
class Evaluated(Facts, rows="test_samples"):
    """The headline figures of the cycle."""

    metrics: CycleMetrics

    @property
    def accuracy(self) -> float:
        """What the component returns: the test accuracy, else the cross-validated estimate, 0 without either."""
        found, estimated = self.metrics.accuracy, self.metrics.estimate
        if found is None and isinstance(estimated, AccuracyEstimate):
            found = estimated.accuracy
        return found or 0.0

    @property
    def labels(self) -> int:
        """How many labels it was trained on."""
        return self.metrics.labels

    @property
    def label_cost(self) -> float:
        """What the answers so far cost."""
        return self.metrics.label_cost

    @property
    def test_samples(self) -> int:
        """How many samples the model was tested with."""
        return self.metrics.test_samples

    def as_record(self) -> dict[str, object]:
        """The figures by name; an estimate is never called `accuracy`."""
        names = ("labels", "accuracy", "macro_f1", "ece", "label_cost", "test_samples")
        estimated = self.metrics.estimate
        if not isinstance(estimated, AccuracyEstimate):
            estimated = None
        return {name: getattr(self.metrics, name) for name in names} | (
            {} if estimated is None else {"cross_validated_accuracy": estimated.accuracy}
        )


@observed
def run(root: str, cycle: int, attempt: str) -> Evaluated:
    """Measure the model and write `metrics.json` and `label_suspects.parquet` into the attempt.

    Test samples that people have still to label are left out. Where none has a label, or there is no test set, accuracy
    is estimated by cross-validation over the labels to learn from, and is called so.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the cycle, from 0.
        attempt: the attempt's name, from label_ingest.

    Raises:
        InputError: no test image could be read.

    Where the test set has changed the models of earlier cycles are measured on it again.

    Cost: one matrix product over the test features, and a cross-validated logistic regression on the labelled ones; no
    network is loaded.
    """
    work = open_attempt(root, cycle, attempt)
    campaign = work.campaign
    training = work.read_record("training.json", TrainingFacts)
    head = read_head(work.read("head.safetensors"))
    test_ids = ids_in_split(work.pool_ids, "test")
    labelled, tested = work.labelled(), work.tested()
    test, of_labelled = read_features(work, training.space, test_ids, labelled)
    if test_ids and not test.ids:
        reasons = work.store.locate(f"spaces/{training.space}")
        raise InputError(
            "No test sample has features: their images cannot be read, or are not those that the campaign began with. "
            f"{reasons} says why of each. Put them back as they were, and run again."
        )
    measured = measure(work, head, test, tested)
    found = measured.figures
    state, votes = read_state(work.store), votes_in(work.votes())
    remeasured, just_now = remeasure(work, state, tested)
    state = replace(state, summaries=on_present_test_set(state.summaries[:cycle], remeasured))
    prices = price_history_before(state, cycle, campaign.prices)
    curve, points = _so_far(work, state, found.accuracy)
    given = labels_of(work.consensus())
    requests = work.requests()
    rechecked = rechecked_samples(requests_in(requests.filter(pc.is_valid(requests["recheck"]))))
    noise = _label_noise(work, labelled, of_labelled, given_again(rechecked, votes, given))
    people = [vote for vote in votes if not is_second_answer(vote, rechecked)]
    undecided = [vote for vote in votes if vote.sample_id not in given and is_second_answer(vote, rechecked)]
    alike = training.space == campaign.base_space
    confused = confused_pairs(measured, campaign.classes, labelled, of_labelled, alike)
    work.write_table("label_suspects.parquet", noise.suspects)
    mistaken = mistaken_samples(measured)
    work.write_record(MISTAKEN, mistaken)
    metrics = CycleMetrics(
        cycle=cycle,
        labels=work.decision.labelled,
        answers=work.decision.answered,
        label_cost=prices.of_labels(work.decision.answered),
        space=training.space,
        training=training,
        previous_query=_previous_query(work),
        alignment=_alignment(work),
        accuracy=found.accuracy,
        macro_f1=found.macro_f1,
        ece=found.ece,
        test_samples=found.test_samples,
        classes=found.classes,
        confusion=found.confusion,
        reliability=measured.bins,
        stop=_reason_to_stop(work, state, found),
        random=_random_arm(work, curve),
        forecast=forecast_figures(points, found.test_samples, campaign, prices),
        annotators=annotator_figures(people, given, _predicted(work)),
        disputed=disputed_samples([*people, *undecided], given),
        label_suspects=_label_suspects(noise),
        labels_by_class=labels_by_class(labelled.values(), campaign.classes),
        **({} if measured.test_set is None else {"test_set": measured.test_set}),
        **({} if found.test_samples else {"estimate": estimate(work, labelled, of_labelled)}),
        **({} if not rechecked else {"rechecks": recheck_figures(rechecked, votes, given)}),
        **_corrected(work, given, test_ids),
        **({"remeasured": len(remeasured.models)} if remeasured is not None and just_now else {}),
        **({} if not found.test_samples else {"confused": confused}),
        mistaken=len(mistaken.sample_ids),
    )
    if remeasured is not None and just_now:
        work.write_record(f"{NAME}.json", remeasured)
    if campaign.recipe.data_selection is not None:
        points_of_batches = batch_points(work, campaign.recipe.data_selection, measured.vectors, measured.targets)
        metrics = metrics.model_copy(update={"batch_points": points_of_batches})
    work.write_record("metrics.json", metrics)
    if not work.record("evaluate"):
        metrics = work.read_record("metrics.json", CycleMetrics)
    return Evaluated(metrics)


def _random_arm(work: Attempt, curve: Curve) -> RandomArm | None:
    """What random picks bring and what was saved against them; None where the root has no backtest with them."""
    random = read_random_arm(work.store, work.campaign)
    source = None if random is None else random_source(work.store)
    return saving_figures(curve, random, work.campaign.recipe.cold_start.strategy == "random", source)


def _corrected(work: Attempt, given: dict[str, str], test_ids: Collection[str]) -> dict[str, int]:
    """How many labels of the cycle before are no longer what they were, by the name of the figure; none where none is.

    Training data that is selected is labelled anew by each loop.
    """
    reference = work.decision.previous.get("consensus")
    if reference is None or work.campaign.recipe.data_selection is not None:
        return {}
    before, class_of = labels_of(read_table(work.store, reference, CONSENSUS)), work.campaign.class_of
    withdrawn = read_withdrawn(work.store, work.campaign).ids
    changed = {name for name, label in before.items() if given.get(name) != class_of(label) and name not in withdrawn}
    counts = {"labels_corrected": len(changed), "test_labels_corrected": len(changed.intersection(test_ids))}
    return {name: count for name, count in counts.items() if count}


def _alignment(work: Attempt) -> AlignmentVerdict | None:
    """The decision of the alignment, where the recipe has one and this is not the final model."""
    if work.campaign.recipe.alignment is None or work.decision.action == "finalize":
        return None
    return work.read_record("alignment.json", AlignmentVerdict)


def _earlier_points(work: Attempt, state: State, metric: StopMetric = "accuracy") -> list[CurvePoint]:
    """The trained cycles before this one, with this metric."""
    earlier = [(past.answers, getattr(past, metric)) for past in state.summaries[: work.cycle] if not past.final]
    return [CurvePoint(answers, figure) for answers, figure in earlier if figure is not None]


def _reason_to_stop(work: Attempt, state: State, found: ClassificationMetrics) -> str | None:
    """Why the recipe's stop rule ends the campaign here, in words; None where it does not, or the budget does.

    Without a test set there is none: an estimate is of other samples in each cycle.
    """
    campaign, stop = work.campaign, work.campaign.recipe.stop
    now = getattr(found, stop.metric)
    if not stop.is_set or work.decision.query_size == 0 or now is None:
        return None
    points = [*_earlier_points(work, state, stop.metric), CurvePoint(work.decision.answered, now)]
    return reason_to_stop(points, stop, campaign.prices)


def _so_far(work: Attempt, state: State, accuracy: float | None) -> tuple[Curve, list[CurvePoint]]:
    """The learning curve with this cycle, by labels and by answers; without the final model, whose trainer differs."""
    curve = learning_curve(replace(state, summaries=state.summaries[: work.cycle]))
    points = _earlier_points(work, state)
    if work.decision.action != "finalize" and accuracy is not None:
        curve = Curve([*curve.labels, work.decision.labelled], [*curve.accuracy, accuracy])
        points = [*points, CurvePoint(work.decision.answered, accuracy)]
    return curve, points


def _predicted(work: Attempt) -> dict[str, str]:
    """What the model predicted when it asked, by id."""
    requests = work.requests()
    rows = zip(requests["sample_id"].to_pylist(), requests["predicted"].to_pylist(), strict=True)
    return {sample_id: work.campaign.class_of(name) for sample_id, name in rows if name is not None}


def _label_noise(
    work: Attempt, labelled: dict[str, str], features: Features | None, said_twice: Collection[str]
) -> LabelNoise:
    if features is None:
        return nothing_judged("no feature space holds all labelled samples")
    labels = [labelled[name] for name in features.ids]
    return find_label_noise(features.ids, features.vectors, labels, work.campaign.classes, said_twice)


def _label_suspects(noise: LabelNoise) -> LabelSuspects:
    """The suspects with their float32 figures as short decimals."""
    rows = [
        LabelSuspect(
            sample_id=row["sample_id"],
            label=row["label"],
            suggested=row["suggested"],
            label_confidence=round(row["label_confidence"], 4),
            suggested_confidence=round(row["suggested_confidence"], 4),
            quality=round(row["quality"], 4),
            certainty=round(row["certainty"], 4),
        )
        for row in noise.suspects.to_pylist()
    ]
    return LabelSuspects(found=noise.found, judged=noise.judged, reason=noise.reason, rows=rows)


def _previous_query(work: Attempt) -> KnownUnknown | None:
    reference = work.decision.previous.get("query")
    if reference is None:
        return None
    return known_unknown(read_query(work.store, reference), work.labelled(), work.campaign.class_of)
