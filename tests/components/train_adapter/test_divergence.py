"""Training that ran away is refused by the names of its learning rates."""

import pytest
import torch

from labelcycle.components.core.config.trainers import FineTuner, LoraTrainer, ProbeThenFineTuner
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.train_adapter.optimisation import refuse_divergence
from labelcycle.components.train_adapter.trained import Fitted


def test_a_training_that_learned_passes_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    refuse_divergence(torch.nn.Linear(2, 2), Fitted(1, 0.5, None), LoraTrainer(), 4)
    assert capsys.readouterr().err == ""


def test_a_loss_above_that_of_guessing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    refuse_divergence(torch.nn.Linear(2, 2), Fitted(1, 98.0, None), FineTuner(learning_rate=0.01), 4)
    told = capsys.readouterr().err
    assert "loss of 98, above the 1.39 of a model that has learned nothing, with trainer.learning_rate=0.01" in told


def test_an_infinite_loss_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"trainer\.learning_rate=0\.001\. Start"):
        refuse_divergence(torch.nn.Linear(2, 2), Fitted(1, float("nan"), None), LoraTrainer(), 4)


def test_a_weight_that_is_no_number_is_refused() -> None:
    network = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(network.weight, float("inf"))
    with pytest.raises(ConfigurationError, match=r"learning_rate=0\.3, trainer\.head_learning_rate=0\.1"):
        refuse_divergence(network, Fitted(1, 0.5, None), FineTuner(learning_rate=0.3), 4)


def test_the_settings_are_named_as_the_recipe_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = ProbeThenFineTuner(learning_rate=0.01, head_learning_rate=0.1, probe_learning_rate=0.5)
    refuse_divergence(torch.nn.Linear(2, 2), Fitted(1, 98.0, None), trainer, 4, "final.aligned")
    rates = ("final.aligned.learning_rate=0.01", "final.aligned.head_learning_rate=0.1")
    assert ", ".join((*rates, "final.aligned.probe_learning_rate=0.5.")) in capsys.readouterr().err
