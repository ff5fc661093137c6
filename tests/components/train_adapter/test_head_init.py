"""What the head begins at that is trained together with a backbone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from labelcycle.components.core.config.trainers import FineTuner, LogisticTrainer, LoraTrainer, ProbeThenFineTuner
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.heads import standardised
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.fine_tuning import fine_tune
from labelcycle.components.train_adapter.head_init import initial_head, prototype_head
from labelcycle.components.train_adapter.head_modules import HeadModule, linear_layer, plain_head
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples
from labelcycle.components.train_adapter.lora import train_lora
from labelcycle.components.train_adapter.trained import Trained

WIDTH, CLASSES = 24, 4
QUICK = {"trainer.epochs": 2, "trainer.rank": 2}
STILL = {"learning_rate": 1e-12, "weight_decay": 0.0, "epochs": 1, "head_init": "prototypes"}
TRAINERS = {
    "lora": LoraTrainer(rank=2, **STILL),
    "ft": FineTuner(head_learning_rate=1e-12, batch_size=8, **STILL),
    "lp_ft": ProbeThenFineTuner(head_learning_rate=1e-12, probe_learning_rate=1e-12, batch_size=8, **STILL),
}


def some_samples(classes: int = CLASSES, rows: int = 40, lengths: float = 0.0) -> LabelledFeatures:
    """Features around class centres; with `lengths` of 0 all of them are equally far from the mean."""
    generator = np.random.default_rng(0)
    targets = np.arange(rows) % classes
    centres = generator.normal(size=(classes, WIDTH))
    features = centres[targets] + 0.5 * generator.normal(size=(rows, WIDTH))
    features *= np.exp(lengths * generator.normal(size=(rows, 1)))
    features = features * np.linspace(0.2, 3, WIDTH) + np.linspace(-5, 5, WIDTH)
    return LabelledFeatures(features.astype(np.float16), targets)


def logistic(samples: LabelledFeatures) -> Any:
    moments = feature_moments([samples.features])
    assert moments is not None
    return train_on_samples(samples, None, CLASSES, LogisticTrainer(), moments).head, moments


def lengths_of(samples: LabelledFeatures, moments: Any) -> Any:
    return np.linalg.norm(standardised(samples.features.astype(np.float64), *moments), axis=1)


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_logits_are_the_logistic_heads_but_for_the_length(spread: float) -> None:
    samples = some_samples(lengths=spread)
    expected, moments = logistic(samples)
    lengths = lengths_of(samples, moments)
    ratio = lengths * np.mean(1 / lengths)
    found = prototype_head(samples, CLASSES).logits(samples.features)
    assert np.allclose(found, expected.logits(samples.features) * ratio[:, None], atol=1e-3)
    if spread == 0:
        assert np.abs(ratio - 1).max() < 0.4


def test_predictions_are_the_logistic_heads() -> None:
    samples = some_samples(lengths=0.5)
    expected, _ = logistic(samples)
    others = some_samples(rows=200, lengths=0.5).features
    found = prototype_head(samples, CLASSES)
    assert (found.logits(others).argmax(axis=1) == expected.logits(others).argmax(axis=1)).all()


def test_the_modules_that_are_trained_begin_at_these_logits() -> None:
    samples = some_samples()
    head = prototype_head(samples, CLASSES)
    features = torch.from_numpy(samples.features.astype(np.float32))
    module = HeadModule(WIDTH, CLASSES, 0.5)
    module.load(head)
    expected = head.logits(samples.features)
    with torch.no_grad():
        assert np.allclose(module.eval()(features).numpy(), expected, atol=1e-3)
        assert np.allclose(linear_layer(head)(features).numpy(), expected, atol=1e-3)
        module.dropout.p = 0.0
        assert np.allclose(module.train()(features).numpy(), expected, atol=1e-2)  # the batch is all samples


def test_a_class_without_a_sample_can_be_learnt_but_is_not_predicted() -> None:
    samples = some_samples(classes=3)
    head = prototype_head(samples, CLASSES)
    assert np.isfinite(head.bias).all() and not (head.logits(samples.features).argmax(axis=1) == 3).any()


@pytest.mark.parametrize("rows", [1, 2])
def test_one_sample_or_one_class_or_equal_samples_give_finite_heads(rows: int) -> None:
    features = np.full((rows, WIDTH), 1.5, np.float16)
    for classes in (np.zeros(rows, np.int64), np.arange(rows)):
        head = prototype_head(LabelledFeatures(features, classes), CLASSES)
        assert all(np.isfinite(value).all() for value in vars(head).values())
        assert np.isfinite(head.logits(features)).all()


def test_an_earlier_head_goes_before() -> None:
    earlier = prototype_head(some_samples(), CLASSES)
    nothing: Any = None
    assert initial_head("prototypes", earlier, nothing, nothing, nothing, CLASSES) is earlier
    assert initial_head("random", None, nothing, nothing, nothing, CLASSES) is None


@pytest.mark.parametrize("name", ["lora", "ft", "lp_ft"])
def test_random_leaves_what_is_written_as_it_was(name: str) -> None:
    """Otherwise campaigns from before there was a choice would have another digest."""
    written = type(TRAINERS[name])().model_dump(mode="json")
    assert "head_init" not in written and written["name"] == name
    again = TRAINERS[name].model_dump(mode="json")
    assert again["head_init"] == "prototypes" and type(TRAINERS[name]).model_validate(again) == TRAINERS[name]


@pytest.fixture
def campaign(begin_on_small_network: Callable[..., Any]) -> Any:
    """A campaign on images whose first query is answered."""
    made = begin_on_small_network(recipe="peal_entropy", overrides=QUICK | {"cold_start.strategy": "kmeans"})
    made.run_cycle()
    made.ingest()
    return made


def train(campaign: Any, trainer: LoraTrainer | FineTuner, head: LinearHead | None = None) -> Trained:
    work = campaign.work
    if isinstance(trainer, LoraTrainer):
        return train_lora(work, trainer, work.labelled(), {})
    return fine_tune(work, work.campaign.backbone, trainer, work.labelled(), {}, seed=0, head=head)


@pytest.mark.parametrize("name", ["lora", "ft", "lp_ft"])
def test_training_that_stands_still_keeps_the_prototypes(campaign: Any, name: str) -> None:
    work = campaign.work
    trained = train(campaign, TRAINERS[name]).head
    assert isinstance(trained, LinearHead)
    found, features = work_features(campaign)
    classes = work.campaign.classes
    samples = LabelledFeatures(features, np.array([classes.index(work.labelled()[one]) for one in found]))
    expected = prototype_head(samples, len(classes))
    if name != "lora":
        expected = plain_head(linear_layer(expected))
    assert np.allclose(trained.weight, expected.weight, atol=0.02 * np.abs(expected.weight).max())
    assert np.allclose(trained.logits(features), expected.logits(features), atol=0.5)
    assert (trained.logits(features).argmax(axis=1) == samples.classes).all()


def work_features(campaign: Any) -> Any:
    """The labelled samples' features under the backbone as it comes, by id."""
    work = campaign.work
    return FeatureSpace(work.store, work.campaign.base_space).read(sorted(work.labelled()))


@pytest.mark.parametrize("name", ["lora", "ft", "lp_ft"])
def test_random_is_the_default(campaign: Any, name: str) -> None:
    by_default = type(TRAINERS[name])(epochs=1)
    assert by_default.head_init == "random"
    told, prototypes = (by_default.model_copy(update={"head_init": init}) for init in ("random", "prototypes"))
    heads = [train(campaign, trainer).head.to_bytes() for trainer in (by_default, told, prototypes)]
    assert heads[0] == heads[1] != heads[2]


def test_a_warm_start_goes_on_from_the_cycle_before(campaign: Any) -> None:
    for stage in ("train_adapter", "embed tuned", "evaluate", "score", "select", "publish"):
        campaign.run(stage)
    campaign.ingest()
    assert campaign.work.decision.previous
    random = TRAINERS["lora"].model_copy(update={"head_init": "random"})
    assert train(campaign, TRAINERS["lora"]).head.to_bytes() == train(campaign, random).head.to_bytes()


@pytest.mark.parametrize("recipe", ["peal_entropy", "standard_ft", "standard_lp_ft"])
def test_a_campaign_runs_to_its_end(begin_on_images: Callable[..., Any], recipe: str) -> None:
    rates = {"trainer.epochs": 2, "trainer.batch_size": 8, "trainer.learning_rate": 0.001}
    if recipe == "standard_lp_ft":
        rates |= {"trainer.probe_learning_rate": 0.01}
    settings = rates | {"trainer.head_init": "prototypes"}
    campaign = begin_on_images(recipe=recipe, overrides=settings, budget=16, batch=8)
    for _ in range(3):
        campaign.run_cycle()
    assert (campaign.state.trained[-1].accuracy or 0) > 0.9
