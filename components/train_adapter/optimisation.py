"""Optimisers: a learning rate for each group of parameters, how rates fall within a training, and what diverges."""

import math
from collections.abc import Sequence

import torch

from labelcycle.components.core.config.trainers import FineTuner, LoraTrainer, ProbeThenFineTuner, Training
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.train_adapter.trained import Fitted

ParameterGroups = Sequence[tuple[Sequence[torch.nn.Parameter], float]]
"""Parameters and the learning rate that they begin with, group by group."""

Tensors = dict[str, torch.Tensor]


def optimiser_of(groups: ParameterGroups, settings: Training) -> torch.optim.Optimizer:
    """The optimiser that the settings name, over the parameters that require gradients; none has a state yet.

    Args:
        groups: each with its learning rate; a group that is frozen whole is left out.
        settings: optimiser, weight decay, and the momentum of stochastic gradient descent.
    """
    trained = [
        {"params": [parameter for parameter in parameters if parameter.requires_grad], "lr": rate}
        for parameters, rate in groups
    ]
    trained = [group for group in trained if group["params"]]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(trained, momentum=settings.momentum, weight_decay=settings.weight_decay, fused=True)
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind(trained, weight_decay=settings.weight_decay, fused=True)


def groups_of(network: torch.nn.Module, learning_rate: float, groups: ParameterGroups = ()) -> ParameterGroups:
    """The groups, and one more of all other parameters of the network, which has `learning_rate`."""
    named = {id(parameter) for parameters, _ in groups for parameter in parameters}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in named]
    return [*groups, (rest, learning_rate)]


def annealed(step: int, steps: int, settings: Training) -> float:
    """The share of the first learning rate that step number `step` (from 0) of `steps` has.

    Source of the cosine: Loshchilov and Hutter, ICLR 2017, equation 5, without restarts and down to 0.
    """
    return (1 + math.cos(math.pi * step / steps)) / 2 if settings.annealing == "cosine" else 1.0


def optimiser_state(optimiser: torch.optim.Optimizer) -> Tensors:
    """What the optimiser has gathered about each parameter, such as momentum: `<parameter's number>.<name>`."""
    state = optimiser.state_dict()["state"]
    return {
        f"{number}.{name}": value
        for number, values in state.items()
        for name, value in values.items()
        if value is not None
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Copy the state of an optimiser of the same kind over the same parameters; learning rates stay."""
    state: dict[int, Tensors] = {}
    for name, tensor in tensors.items():
        number, _, value = name.partition(".")
        state.setdefault(int(number), {})[value] = tensor.clone()
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def refuse_divergence(
    network: torch.nn.Module, fitted: Fitted, trainer: Training, classes: int, group: str = "trainer"
) -> None:
    """Check that the loss and everything that training changed are finite, and that anything was learned.

    A loss above that of equal probabilities, ln C, is a notice, not an error: few labels and epochs come to that too.

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
    of_head = trainer.head_learning_rate if isinstance(trainer, FineTuner | LoraTrainer) else None
    if of_head is not None:
        rates["head_learning_rate"] = of_head
    if isinstance(trainer, ProbeThenFineTuner):
        rates["probe_learning_rate"] = trainer.probe_learning_rate
    named = ", ".join(f"{group}.{name}={rate:g}" for name, rate in rates.items())
    remedy = (
        "Start a campaign with a smaller one by --set; vision transformers want far smaller ones than convolutional "
        "networks."
    )
    if finite:
        notice(
            f"Training ended at a loss of {fitted.loss:.3g}, above the {math.log(classes):.3g} of a model that has "
            f"learned nothing, with {named}. {remedy}"
        )
        return
    raise ConfigurationError(f"Training diverged: the loss or a weight became NaN or infinite with {named}. {remedy}")
