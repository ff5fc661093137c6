"""Training heads on features of the frozen backbone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.config.trainers import DropQueryTrainer, LinearTrainer, ProxyTrainer
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.heads import ProxyHead, read_head
from labelcycle.components.train_adapter.checkpoints import VARIABLE
from labelcycle.components.train_adapter.feature_training import train_on_base_space
from labelcycle.components.train_adapter.head_modules import HeadModule
from labelcycle.components.train_adapter.trained import Trained

QUICK = LinearTrainer(epochs=20, learning_rate=0.02)


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """A campaign whose first query is answered; its head is trained by the tests."""
    made = begin()
    made.run_cycle()
    made.ingest()
    return made


def head_bytes(trained: Trained) -> bytes:
    return trained.head.to_bytes()


def accuracy(campaign: Any, trained: Trained) -> float:
    """On every sample; an id begins with the sample's class."""
    ids, features = FeatureSpace(campaign.work.store, campaign.state.campaign.base_space).read()
    predicted = trained.head.probabilities(features).argmax(axis=1)
    classes = campaign.state.campaign.classes
    return float(np.mean([name.startswith(classes[number]) for name, number in zip(ids, predicted, strict=True)]))


def test_separable_classes_are_learnt(campaign: Any) -> None:
    labelled = {f"{name}-{row}": name for name in ("blue", "green", "red") for row in _rows(campaign, name, 5)}
    trained = train_on_base_space(campaign.work, LinearTrainer(epochs=100, learning_rate=0.02), labelled, {})
    assert accuracy(campaign, trained) > 0.95
    assert trained.examples == 15 and trained.adapter is None


@pytest.mark.parametrize(
    ("trainer", "kind"), [(DropQueryTrainer(), LinearHead), (ProxyTrainer(learning_rate=0.1, hidden=12), ProxyHead)]
)
def test_other_heads_learn_them_too(campaign: Any, trainer: Any, kind: type) -> None:
    labelled = {f"{name}-{row}": name for name in ("blue", "green", "red") for row in _rows(campaign, name, 8)}
    once, again = (train_on_base_space(campaign.work, trainer, labelled, {}) for _ in range(2))
    assert isinstance(once.head, kind) and head_bytes(once) == head_bytes(again)
    assert accuracy(campaign, once) > 0.9
    assert once.trainable_parameters == (27 if kind is LinearHead else 8 * 12 + 12 + 24 + 12 * 3 + 3)
    assert once.fitted.epochs < 400


@pytest.mark.parametrize("recipe", ["dropquery", "svpp"])
@pytest.mark.parametrize("warm", [False, True])
def test_every_kind_of_head_can_be_gone_on_from(
    begin: Callable[..., Any], tmp_path: Path, recipe: str, warm: bool
) -> None:
    """With a vanishing learning rate, cycle 2 ends where it began; the recipes themselves begin afresh."""
    still = {"trainer.epochs": 1, "trainer.learning_rate": 1e-12, "trainer.weight_decay": 0.0}
    campaign = begin(recipe=recipe, overrides={**still, **({"schedule.warm_start": True} if warm else {})})
    campaign.run_cycle()
    heads = []
    for _ in range(2):
        campaign.run_cycle()
        heads.append(read_head(campaign.work.read("head.safetensors")).weight)
    assert np.allclose(*heads, atol=1e-6) == warm


def test_a_training_that_was_killed_goes_on(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = campaign.work.labelled()
    whole = train_on_base_space(campaign.work, QUICK, labelled, {})
    monkeypatch.setenv(VARIABLE, "0")
    forward, batches = HeadModule.forward, 0

    def killed(module: HeadModule, features: Any) -> Any:
        nonlocal batches
        batches += 1
        if batches == 10:
            raise KeyboardInterrupt
        return forward(module, features)

    monkeypatch.setattr(HeadModule, "forward", killed)
    with pytest.raises(KeyboardInterrupt):
        train_on_base_space(campaign.work, QUICK, labelled, {})
    again = train_on_base_space(campaign.work, QUICK, labelled, {})
    assert head_bytes(again) == head_bytes(whole)
    assert batches == 10 + QUICK.epochs - 9


def test_wrong_labels_are_learnt_as_well(campaign: Any) -> None:
    labelled = dict.fromkeys(campaign.work.labelled(), "red")
    assert accuracy(campaign, train_on_base_space(campaign.work, QUICK, labelled, {})) == pytest.approx(1 / 3)


def test_one_labelled_sample_is_enough(campaign: Any) -> None:
    name, label = next(iter(campaign.work.labelled().items()))
    trained = train_on_base_space(campaign.work, QUICK, {name: label}, {})
    assert trained.examples == 1
    assert all(np.isfinite(values).all() for values in vars(trained.head).values())


def test_a_warm_start_goes_on_from_the_previous_head(begin: Callable[..., Any], tmp_path: Path) -> None:
    """With a vanishing learning rate, cycle 2 ends where it began: at cycle 1's head, or at a fresh one."""
    heads = {}
    still = LinearTrainer(epochs=1, learning_rate=1e-12, weight_decay=0)
    for warm in (True, False):
        campaign = begin(str(tmp_path / str(warm)), overrides={"schedule.warm_start": warm})
        campaign.run_cycle()
        campaign.run_cycle()
        before = campaign.state.commits[1].objects["head"]
        campaign.ingest()
        trained = train_on_base_space(campaign.work, still, campaign.work.labelled(), {})
        heads[warm] = (trained.head.weight, _stored(campaign, before.key).weight)
    assert np.allclose(*heads[True], atol=1e-6)
    assert not np.allclose(*heads[False], atol=1e-2)


def test_labelled_samples_without_features_are_refused(campaign: Any) -> None:
    space = FeatureSpace(campaign.work.store, campaign.work.campaign.base_space)
    space.quarantine([{"sample_id": "gone", "uri": "gone.png", "reason": "broken"}])
    with pytest.raises(InputError, match="None of the labelled samples has features"):
        train_on_base_space(campaign.work, QUICK, {"gone": "red"}, {})


def test_validation_samples_choose_the_epoch(campaign: Any) -> None:
    labelled = campaign.work.labelled()
    trained = train_on_base_space(campaign.work, QUICK, labelled, labelled)
    assert trained.fitted.validation_accuracy == 1.0


def test_the_same_again_is_the_same_head(campaign: Any) -> None:
    runs = [train_on_base_space(campaign.work, QUICK, campaign.work.labelled(), {}) for _ in range(2)]
    assert head_bytes(runs[0]) == head_bytes(runs[1])


def _rows(campaign: Any, name: str, count: int) -> list[str]:
    ids = FeatureSpace(campaign.work.store, campaign.state.campaign.base_space).ids()
    return sorted(sample.partition("-")[2] for sample in ids if sample.startswith(name))[:count]


def _stored(campaign: Any, key: str) -> Any:
    return LinearHead.from_bytes(campaign.work.store.read(key))
