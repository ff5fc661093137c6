"""Fine-tuning: the whole backbone and a linear layer, from the start or from a probe of the frozen features."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.config.trainers import FineTuner, ProbeThenFineTuner
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.tuned_backbone import previous_backbone, trained_backbone
from labelcycle.components.core.storage.objects import read_object
from labelcycle.components.train_adapter.fine_tuning import fine_tune
from labelcycle.components.train_adapter.trained import Trained

STILL = {"learning_rate": 1e-12, "head_learning_rate": 1e-12, "epochs": 1}
QUICK = {"trainer.epochs": 2, "trainer.batch_size": 4, "trainer.learning_rate": 0.001}


@pytest.fixture
def campaign(begin_on_small_network: Callable[..., Any]) -> Any:
    """A campaign of fine-tuning whose first query is answered."""
    made = begin_on_small_network(recipe="standard_ft", overrides=QUICK)
    made.run_cycle()
    made.ingest()
    return made


def tune(campaign: Any, trainer: FineTuner, **settings: Any) -> Trained:
    work = campaign.work
    settings = {"validation": {}, "seed": 0} | settings
    return fine_tune(work, work.campaign.backbone, trainer, work.labelled(), **settings)


def original(campaign: Any) -> dict[str, Any]:
    work = campaign.work
    weights: dict[str, Any] = load(read_object(work.store, work.campaign.backbone.weights))
    return weights


def tuned(trained: Trained) -> dict[str, Any]:
    assert trained.backbone is not None
    weights: dict[str, Any] = load(trained.backbone)
    return weights


def test_every_weight_of_the_backbone_is_trained(campaign: Any) -> None:
    trained = tune(campaign, FineTuner(epochs=1, batch_size=4, learning_rate=0.01))
    before, after = original(campaign), tuned(trained)
    assert before.keys() == after.keys()
    assert [name for name in before if np.array_equal(before[name], after[name])] == []
    numbers = sum(value.size for value in before.values())
    assert trained.trainable_parameters == trained.total_parameters == numbers + 16 * 3 + 3


def test_the_head_has_a_learning_rate_of_its_own(campaign: Any) -> None:
    still = tune(campaign, FineTuner(**STILL))
    moved = tune(campaign, FineTuner(**STILL | {"head_learning_rate": 0.1}))
    before = original(campaign)
    for trained in (still, moved):
        assert all(np.allclose(value, before[name], atol=1e-6) for name, value in tuned(trained).items())
    assert np.abs(still.head.weight - moved.head.weight).max() > 1e-3


def test_the_head_is_the_linear_layer_alone(campaign: Any) -> None:
    head = tune(campaign, FineTuner(**STILL)).head
    features = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    assert np.allclose(head.logits(features), features @ head.weight.T + head.bias, atol=1e-5)


def test_fine_tuning_begins_at_a_head_that_is_given(campaign: Any) -> None:
    given = tune(campaign, FineTuner(epochs=1, learning_rate=1e-12), seed=1).head
    head = tune(campaign, FineTuner(**STILL), head=given).head
    assert np.allclose(head.weight, given.weight, atol=1e-6) and np.allclose(head.bias, given.bias, atol=1e-6)


def test_probing_comes_first_and_leaves_the_backbone_alone(campaign: Any) -> None:
    probed = tune(campaign, ProbeThenFineTuner(**STILL, probe_epochs=30, probe_learning_rate=0.1, batch_size=8))
    before = original(campaign)
    assert all(np.allclose(value, before[name], atol=1e-6) for name, value in tuned(probed).items())
    fresh = tune(campaign, FineTuner(**STILL, batch_size=8))
    assert probed.fitted.loss < 0.5 * fresh.fitted.loss


def test_two_runs_give_the_same_bytes(campaign: Any) -> None:
    runs = [tune(campaign, ProbeThenFineTuner(epochs=1, probe_epochs=1)) for _ in range(2)]
    assert runs[0].backbone == runs[1].backbone and runs[0].head.to_bytes() == runs[1].head.to_bytes()


@pytest.mark.parametrize(("kill", "left"), [(3, 5), (6, 2)], ids=["probing", "fine-tuning"])
def test_killed_it_goes_on(
    campaign: Any, killed_in_epoch: Callable[[int, Callable[[], Any]], int], kill: int, left: int
) -> None:
    trainer = ProbeThenFineTuner(epochs=3, probe_epochs=4, batch_size=4, learning_rate=0.001)
    found: list[Trained] = [tune(campaign, trainer)]
    assert killed_in_epoch(kill, lambda: found.append(tune(campaign, trainer))) == left
    whole, again = found
    assert again.backbone == whole.backbone and again.head.to_bytes() == whole.head.to_bytes()
    assert again.fitted == whole.fitted


def test_divergence_names_the_learning_rates(campaign: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"diverged.*trainer\.learning_rate=1e\+20"):
        tune(campaign, FineTuner(epochs=3, learning_rate=1e20))


@pytest.mark.parametrize("recipe", ["standard_ft", "standard_lp_ft"])
def test_a_campaign_embeds_the_pool_with_each_cycles_backbone(
    begin_on_small_network: Callable[..., Any], recipe: str
) -> None:
    rates = {"trainer.probe_learning_rate": 0.01} if recipe == "standard_lp_ft" else {}
    campaign = begin_on_small_network(recipe=recipe, overrides=QUICK | rates, budget=24, batch=8)
    campaign.run_cycle()
    spaces = [campaign.state.campaign.base_space]
    for cycle in (1, 2):
        campaign.run_cycle()
        commit = campaign.state.commits[cycle]
        training = campaign.work.read_record("training.json", TrainingFacts)
        backbone = trained_backbone(campaign.state.campaign.backbone, training)
        assert commit.objects["backbone"] == backbone.weights
        assert load(read_object(campaign.work.store, backbone.weights)).keys() == original(campaign).keys()
        assert len(FeatureSpace(campaign.work.store, training.space).ids()) == 60
        spaces.append(training.space)
    assert len(set(spaces)) == 3
    campaign.ingest()
    assert previous_backbone(campaign.work) == backbone
