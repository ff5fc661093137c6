"""Training that ran away: refused or told where it happened, before features and scores are made of it."""

import math

import torch

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.observation import notice
from labelcycle.components.core.trainers import FineTuner, ProbeThenFineTuner, Training
from labelcycle.components.train_adapter.trained import Fitted


def refuse_divergence(
    network: torch.nn.Module, fitted: Fitted, trainer: Training, classes: int, group: str = "trainer"
) -> None:
    """Check that the loss and everything that training changed are finite, and that anything was learned.

    A loss above that of equal probabilities, ln C, is told but not refused: few labels and few epochs come to that too.

    Args:
        network: what was trained.
        fitted: how training went.
        trainer: its settings.
        classes: C.
        group: what the recipe calls these settings, such as `final.trainer`.

    Raises:
        ConfigurationError: they are not; the learning rates are named.
    """
    finite = math.isfinite(fitted.loss) and all(bool(value.isfinite().all()) for value in network.state_dict().values())
    if finite and fitted.loss <= math.log(classes):
        return
    rates = {"learning_rate": trainer.learning_rate}
    if isinstance(trainer, FineTuner):
        rates["head_learning_rate"] = trainer.head_learning_rate
    if isinstance(trainer, ProbeThenFineTuner):
        rates["probe_learning_rate"] = trainer.probe_learning_rate
    named = ", ".join(f"{group}.{name}={rate:g}" for name, rate in rates.items())
    remedy = (
        "Begin a campaign with a smaller one by --set; vision transformers want far smaller ones than convolutional "
        "networks."
    )
    if finite:
        notice(
            f"Training ended at a loss of {fitted.loss:.3g}, above the {math.log(classes):.3g} of a model that has "
            f"learned nothing, with {named}. {remedy}"
        )
        return
    raise ConfigurationError(f"Training diverged: the loss or a weight became NaN or infinite with {named}. {remedy}")
