"""The trainer `logistic` on a campaign's features."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.analysis.accuracy import expected_calibration_error
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import LogisticHead, read_head
from labelcycle.components.core.storage.objects import read_object
from labelcycle.components.select import STRATEGIES
from labelcycle.components.tracking.cycle_figures import cycle_figures
from labelcycle.components.train_adapter import logistic_training
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.learning_from_pool import worth_of
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_logistic, train_on_samples
from labelcycle.components.train_adapter.trained import Trained

DROPOUT = {"name": "dropout", "passes": 3, "rate": 0.5}


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """A campaign whose first query is answered; its head is trained by the tests."""
    made = begin(recipe="logistic")
    made.run_cycle()
    made.ingest()
    return made


def labelled(campaign: Any, rows: int, *names: str) -> dict[str, str]:
    """The class by id of the first `rows` samples of the pool of each named class."""
    ids = sorted(FeatureSpace(campaign.work.store, campaign.work.campaign.base_space).ids())
    return {name: kind for kind in names for name in [one for one in ids if one.startswith(kind)][4 : 4 + rows]}


def accuracy(campaign: Any, trained: Trained) -> float:
    """On every sample; an id begins with the sample's class."""
    ids, features = FeatureSpace(campaign.work.store, campaign.work.campaign.base_space).read()
    predicted = trained.head.probabilities(features).argmax(axis=1)
    classes = campaign.work.campaign.classes
    return float(np.mean([name.startswith(classes[number]) for name, number in zip(ids, predicted, strict=True)]))


def test_separable_classes_are_learnt(campaign: Any) -> None:
    few = labelled(campaign, 3, "blue", "green", "red")
    trained = train_logistic(campaign.work, LogisticTrainer(), few, few)
    assert accuracy(campaign, trained) > 0.9 and trained.fitted.validation_accuracy == 1
    assert (trained.examples, trained.trainable_parameters, trained.adapter) == (9, 24, None)
    again = train_logistic(campaign.work, LogisticTrainer(), dict(reversed(few.items())), {})
    assert again.head.to_bytes() == trained.head.to_bytes() and trained.fitted.unlabelled is None


def test_the_unlabelled_pool_takes_part_where_it_is_asked_to(campaign: Any) -> None:
    few, settings = labelled(campaign, 1, "blue", "green", "red"), LogisticTrainer(unlabelled="spread")
    trained = train_logistic(campaign.work, settings, few, {})
    assert trained.fitted.unlabelled == 48 - 3 and trained.examples == 3
    assert train_logistic(campaign.work, settings, dict(reversed(few.items())), {}).head.to_bytes() == (
        trained.head.to_bytes()
    )
    assert train_logistic(campaign.work, LogisticTrainer(), few, {}).head.to_bytes() != trained.head.to_bytes()
    assert train_logistic(campaign.work, settings, few, {}, most_unlabelled=20).fitted.unlabelled == 20
    assert train_logistic(campaign.work, settings, few, {}, most_labelled=2).head.to_bytes() == (
        train_logistic(campaign.work, LogisticTrainer(), few, {}).head.to_bytes()
    )


def test_unlabelled_samples_count_less_and_less() -> None:
    """Twice the labels while they are few, and never more than ten labels a class."""
    certainty, trainer = np.random.default_rng(0).uniform(size=300), LogisticTrainer(unlabelled="spread")
    given = {labels: float(worth_of(certainty, labels, 2, trainer).sum()) for labels in (4, 40, 4000)}
    assert given[4] == pytest.approx(1 / (1 / 8 + 1 / 20 + 1 / 60))
    assert given[4] < given[40] < given[4000] < 20


def test_campaigns_from_before_there_was_a_choice_keep_their_description() -> None:
    written = {"name": "logistic", "strength": 0.1, "scale": 8.0, "class_weight": "none", "temperature": "none"}
    assert LogisticTrainer.model_validate(written).model_dump(mode="json") == written


def test_the_prior_grows_with_the_labels_where_that_is_set(campaign: Any) -> None:
    constant, growing = LogisticTrainer(strength=0.2), LogisticTrainer(strength=0.2, strength_growth=0.5)
    assert [constant.strength_of(labels) for labels in (1, 10, 1000)] == [0.2, 0.2, 0.2]
    assert growing.strength_of(1000) == 0.2
    assert growing.strength_of(10) == pytest.approx(0.02)
    examples = labelled(campaign, 5, "blue", "red")
    same = LogisticTrainer(strength=growing.strength_of(10))
    heads = [train_logistic(campaign.work, trainer, examples, {}).head for trainer in (growing, same, constant)]
    features = FeatureSpace(campaign.work.store, campaign.work.campaign.base_space).read()[1]
    grown, as_set, unlike = [head.logits(features) for head in heads]
    assert np.array_equal(grown, as_set) and not np.array_equal(grown, unlike)


def test_the_scale_grows_with_the_classes_but_only_beyond_ten() -> None:
    assert [LogisticTrainer().scale_of(classes) for classes in (2, 9)] == [8, 8]
    assert LogisticTrainer().scale_of(100) == pytest.approx(3.5 * np.log(100))
    assert LogisticTrainer(scale=3).scale_of(100) == 3


def test_the_pool_standardises_and_nothing_else_does(campaign: Any) -> None:
    ids, features = FeatureSpace(campaign.work.store, campaign.work.campaign.base_space).read()
    in_pool = np.array([int(name.partition("-")[2]) % 20 >= 4 for name in ids])
    head = train_logistic(campaign.work, LogisticTrainer(), labelled(campaign, 1, "blue", "red"), {}).head
    assert isinstance(head, LogisticHead)
    assert np.allclose(head.mean, features[in_pool].astype(np.float64).mean(axis=0), atol=1e-6)
    assert np.allclose(head.deviation, features[in_pool].astype(np.float64).std(axis=0), atol=1e-6)


@pytest.mark.parametrize(("names", "rows"), [(["red"], 1), (["red"], 5), (["blue", "green"], 1)])
@pytest.mark.parametrize("temperature", ["none", "cross_validated"])
@pytest.mark.parametrize("class_weight", ["none", "balanced"])
@pytest.mark.parametrize("unlabelled", ["none", "spread"])
def test_classes_without_a_label_have_probability_0(
    campaign: Any, names: list[str], rows: int, temperature: Any, class_weight: Any, unlabelled: Any
) -> None:
    settings = LogisticTrainer(temperature=temperature, class_weight=class_weight, unlabelled=unlabelled)
    trained = train_logistic(campaign.work, settings, labelled(campaign, rows, *names), {})
    _, features = FeatureSpace(campaign.work.store, campaign.work.campaign.base_space).read()
    probabilities = trained.head.probabilities(features)
    known = [name in names for name in campaign.work.campaign.classes]
    assert not probabilities[:, ~np.array(known)].any() and np.allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"topk_loss", "vecaf_ods"}))
@pytest.mark.parametrize("known", [["red"], ["red", "blue"]])
def test_every_query_can_follow_while_classes_lack_labels(
    begin: Callable[..., Any], strategy: str, known: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scoring, with dropout, choosing and evaluating: without a warning, which would be an error here."""
    if not STRATEGIES[strategy].choose.__module__.startswith("labelcycle."):
        pytest.skip("another test's strategy")
    campaign = begin(recipe="logistic", overrides={"selector.strategy": strategy, "scorer": DROPOUT})
    campaign.run_cycle()
    campaign.ingest()
    few = {name: known[row % len(known)] for row, name in enumerate(sorted(campaign.work.labelled()))}
    monkeypatch.setattr("labelcycle.components.core.campaign.attempt.Attempt.labelled", lambda work: dict(few))
    for stage in ("train_adapter", "evaluate", "score", "select"):
        campaign.run(stage)
    query = pq.read_table(pa.BufferReader(campaign.work.read("query.parquet")))
    assert query.num_rows == 8 and set(query["predicted"].to_pylist()) <= set(known)
    assert np.isfinite(query["score"].to_numpy()).all()
    json.loads(campaign.work.read("metrics.json"), parse_constant=lambda name: pytest.fail(f"{name} in the metrics"))


def test_constant_features_and_duplicates_count_for_nothing() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 6)).astype(np.float16)
    classes = np.arange(40) % 3
    features[np.arange(40), classes] += 3
    wide = np.hstack([features, np.full((40, 2), 0.1, np.float16)])
    heads = []
    for given in (features, wide):
        moments = feature_moments([given])
        assert moments is not None
        head = train_on_samples(LabelledFeatures(given, classes), None, 3, LogisticTrainer(), moments).head
        heads.append(head.probabilities(given))
    assert np.allclose(*heads, atol=1e-6)


def test_features_that_single_precision_cannot_hold_are_refused() -> None:
    features, moments = np.eye(4) * 1e300, (np.zeros(4), np.ones(4))
    message = "hold values up to 1.0e[+]300, more than the 3.4e[+]38 that single precision can hold. Scale them down"
    with pytest.raises(InputError, match=message):
        train_on_samples(LabelledFeatures(-features, np.arange(4) % 2), None, 2, LogisticTrainer(), moments)
    learnt = LabelledFeatures(np.eye(4), np.arange(4) % 2)
    with pytest.raises(InputError, match=message):
        train_on_samples(learnt, None, 2, LogisticTrainer(), moments, features)


def test_a_cross_validated_temperature_calibrates() -> None:
    """Classes that overlap: drawn to prototypes of length 8, the head is too sure of too little, or too much."""
    generator = np.random.default_rng(0)
    classes = np.arange(3300) % 3
    features = (generator.normal(size=(3300, 16)) + 0.9 * np.eye(3, 16)[classes]).astype(np.float16)
    moments = feature_moments([features])
    assert moments is not None
    learnt, held = LabelledFeatures(features[:300], classes[:300]), LabelledFeatures(features[300:], classes[300:])
    errors = {}
    for temperature in ("none", "cross_validated"):
        settings = LogisticTrainer(scale=24, temperature=temperature)  # type: ignore[arg-type]
        probabilities = train_on_samples(learnt, None, 3, settings, moments).head.probabilities(held.features)
        right = probabilities.argmax(axis=1) == held.classes
        errors[temperature] = expected_calibration_error(probabilities.max(axis=1), right)
    assert errors["cross_validated"] < 0.06 < errors["none"]


def test_labelled_samples_without_features_are_refused(campaign: Any) -> None:
    space = FeatureSpace(campaign.work.store, campaign.work.campaign.base_space)
    space.quarantine([{"sample_id": "gone", "uri": "gone.png", "reason": "broken"}])
    with pytest.raises(InputError, match="None of the labelled samples has features"):
        train_logistic(campaign.work, LogisticTrainer(), {"gone": "red"}, {})


def test_the_facts_have_no_learning_rate(campaign: Any) -> None:
    trained = campaign.run("train_adapter")
    facts = trained.training
    assert facts.trainer == "logistic" and facts.learning_rate is None and facts.epochs > 0 and facts.loss > 0
    assert "learning_rate" not in trained.as_metadata()


def test_the_stage_needs_no_torch(campaign: Any) -> None:
    code = (
        "import sys; from labelcycle.components.train_adapter.stage import run; "
        "run(sys.argv[1], int(sys.argv[2]), sys.argv[3]); "
        "print({'torch', 'timm', 'mlflow', 'sklearn'} & sys.modules.keys())"
    )
    work = campaign.work
    run = subprocess.run(
        [sys.executable, "-c", code, campaign.root, str(work.cycle), work.name],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stdout.endswith("set()\n"), run.stdout + run.stderr
    assert campaign.work.recorded("train_adapter")


def test_the_fitted_temperature_is_told(begin: Callable[..., Any]) -> None:
    campaign = begin(recipe="logistic", overrides={"trainer.temperature": "cross_validated"})
    for _ in range(2):
        campaign.run_cycle()
    work, objects = campaign.work, campaign.state.commits[1].objects
    told = work.read_json("training.json")["temperature"]
    assert told is not None and told != 1 and work.read_json("metrics.json")["training"]["temperature"] == told
    head = read_head(read_object(work.store, objects["head"]))
    trainer = work.campaign.recipe.trainer.model_copy(update={"temperature": "none"})
    plain = train_logistic(work, trainer, work.labelled(), {})
    assert np.allclose(head.weight * told, plain.head.weight, rtol=1e-5)
    assert f"Temperature, cross-validated</dt><dd>{told:.3g}<" in work.read("report.html").decode()
    assert cycle_figures(work.read_record("metrics.json", CycleMetrics))["temperature"] == told


def test_no_temperature_is_told_where_none_is_fitted(begin: Callable[..., Any]) -> None:
    campaign = begin(recipe="logistic")
    campaign.run_cycle()
    assert campaign.run_until("train_adapter").training.temperature is None


def test_the_number_of_neighbours_reaches_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = logistic_training.NeighbourGraph

    def watched(points: np.ndarray, neighbours: int) -> Any:
        asked.append(neighbours)
        return real(points, neighbours)

    monkeypatch.setattr(logistic_training, "NeighbourGraph", watched)
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    for trainer in (
        LogisticTrainer(unlabelled="spread"),
        LogisticTrainer(unlabelled="spread", unlabelled_neighbours=7),
    ):
        logistic_training.Learner(vectors[:5], np.arange(5) % 2, 2, trainer, vectors[5:])
    assert asked == [10, 7]
    assert "unlabelled_neighbours" not in LogisticTrainer().model_dump(mode="json")
