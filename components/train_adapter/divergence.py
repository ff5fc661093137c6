"""Training that ran away: refused where it happened, before features and scores are made of it."""

import math

import torch

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.trainers import FineTuner, Training
from labelcycle.components.train_adapter.fit import Fitted


def refuse_divergence(network: torch.nn.Module, fitted: Fitted, trainer: Training) -> None:
    """Check that the loss and everything that training changed are finite.

    Raises:
        ConfigurationError: they are not; the learning rates are named.
    """
    if math.isfinite(fitted.loss) and all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
        return
    rates = {"trainer.learning_rate": trainer.learning_rate}
    if isinstance(trainer, FineTuner):
        rates["trainer.head_learning_rate"] = trainer.head_learning_rate
    raise ConfigurationError(
        "Training diverged: the loss or a weight became NaN or infinite with "
        + ", ".join(f"{name}={rate:g}" for name, rate in rates.items())
        + ". Begin a campaign with a smaller one by --set; vision transformers want far smaller ones than "
        "convolutional networks."
    )
