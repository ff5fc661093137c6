"""What a recipe can say about training: one class of settings a trainer, with its paper's figures as defaults."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from labelcycle.components.core.settings import Later, Settings

Count = Annotated[int, Field(ge=1)]
BatchSize = Annotated[int, Field(ge=2)]
LearningRate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]

Blocks = Annotated[str, Field(pattern=r"^(all|last:[1-9][0-9]*)$")]
"""Which blocks of a network are trained: `all`, or `last:K` for the K nearest to its output."""

HeadInit = Literal["random", "prototypes"]
"""What a head begins at that is trained together with its backbone: random parameters, or those of the trainer
`logistic` on the features of the backbone before anything changes it, as nearly as a linear layer can have them."""


class Training(Settings):
    """What every trainer shares.

    `batch_size` of None takes all examples at once. `annealing` lowers the learning rate within a training, beside the
    drops between cycles. `accumulation` is the number of batches whose gradients make one step. With `patience`,
    training ends after so many epochs in which the loss has not fallen by `improvement`.

    `version` is that of the algorithm, no setting: raise it in the class of a trainer whose results change. So is
    `keeps_lowest_loss`: whether a training without a validation split keeps the epoch of lowest loss, not the last.
    """

    version: ClassVar[int] = 1
    keeps_lowest_loss: ClassVar[bool] = False

    epochs: Count = 50
    batch_size: BatchSize | None = 64
    learning_rate: LearningRate = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    momentum: Share = 0.9
    annealing: Literal["none", "cosine"] = "none"
    accumulation: Count = 1
    patience: Count | None = None
    improvement: Annotated[float, Field(ge=0)] = 1e-3


class LinearTrainer(Training):
    """Batch normalisation, dropout and a linear layer on frozen features (linear probing). PEAL, section 4.1."""

    name: Literal["linear"] = "linear"
    dropout: Share = 0.5


class DropQueryTrainer(Training):
    """Dropout on the raw features, batch normalisation without parameters, a linear layer. DropQuery's code.

    Version 1 kept the last epoch, which early stopping leaves `patience` epochs behind the best.
    """

    version: ClassVar[int] = 2
    keeps_lowest_loss: ClassVar[bool] = True

    name: Literal["dropquery"] = "dropquery"
    epochs: Count = 400
    batch_size: BatchSize | None = None
    learning_rate: LearningRate = 1e-2
    optimiser: Literal["adam", "adamw", "sgd"] = "adamw"
    patience: Count | None = 20
    dropout: Share = 0.75


class ProxyTrainer(Training):
    """A hidden layer with batch normalisation and ReLU, and a linear layer, on cached features. ASVP, section 6.1.

    `hidden` is the width of the hidden layer; None takes that of the features.
    """

    name: Literal["proxy"] = "proxy"
    batch_size: BatchSize | None = 2048
    learning_rate: LearningRate = 1e-2
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    optimiser: Literal["adam", "adamw", "sgd"] = "sgd"
    annealing: Literal["none", "cosine"] = "cosine"
    hidden: Count | None = None


class LogisticTrainer(Settings):
    """Logistic regression on standardised features of unit length, drawn to the class prototypes, to convergence.

    The loss is the sum of cross-entropies and `strength` / 2 times the squared distance of the weights from `scale`
    times the prototypes; a scale of None is 3.5·ln C, but at least 8, which is that of ten classes: among more of them
    a class needs a larger logit to be as likely. With `class_weight: balanced` every class that has labels counts the
    same. With `temperature: cross_validated` probabilities are calibrated by one temperature, chosen by five-fold
    cross-validation.

    With `unlabelled: spread` the pool helps: labels are spread over a graph of neighbours, and samples count by how
    sure they then are of a class. Together they count `unlabelled_weight` times as much as the labels while these are
    few, never more than `unlabelled_most` labels a class, and each on average less than the share `unlabelled_each`
    of a label.

    `version` is that of the algorithm, no setting.
    """

    version: ClassVar[int] = 1

    name: Literal["logistic"] = "logistic"
    strength: Annotated[float, Field(gt=0)] = 0.1
    scale: Annotated[float, Field(ge=0)] | None = None
    class_weight: Literal["none", "balanced"] = "none"
    temperature: Literal["none", "cross_validated"] = "none"
    unlabelled: Annotated[Literal["none", "spread"], Later("none")] = "none"
    unlabelled_weight: Annotated[float, Field(gt=0), Later(2.0)] = 2.0
    unlabelled_most: Annotated[float, Field(gt=0), Later(10.0)] = 10.0
    unlabelled_each: Annotated[float, Field(gt=0, le=1), Later(0.2)] = 0.2

    def scale_of(self, classes: int) -> float:
        """The scale among so many classes: the one given, or that which grows with their number."""
        return max(8.0, 3.5 * math.log(classes)) if self.scale is None else self.scale


class BackboneTraining(Training):
    """What trainers share that train a head together with its backbone.

    `head_init` is what the head begins at where there is none of an earlier cycle to go on from.
    """

    head_init: Annotated[HeadInit, Later("random")] = "random"


class LoraTrainer(BackboneTraining):
    """PEAL's head trained together with LoRA adapters in the backbone's attention blocks. PEAL, section 4.1."""

    name: Literal["lora"] = "lora"
    dropout: Share = 0.5
    rank: Count = 16
    alpha: Count = 16
    lora_dropout: Share = 0.1
    target: str = "qkv"
    blocks: Blocks = "all"


class FineTuner(BackboneTraining):
    """The whole backbone and a linear layer. ASVP, appendix A, table 5 (CIFAR-10).

    `learning_rate` is the backbone's, `head_learning_rate` the linear layer's.
    """

    name: Literal["ft"] = "ft"
    epochs: Count = 130
    batch_size: BatchSize | None = 128
    learning_rate: LearningRate = 0.1
    head_learning_rate: LearningRate = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    optimiser: Literal["adam", "adamw", "sgd"] = "sgd"
    annealing: Literal["none", "cosine"] = "cosine"


class ProbeThenFineTuner(FineTuner):
    """A linear layer on the frozen backbone first, then both from there. ASVP, appendix A, table 6 (CIFAR-10)."""

    name: Literal["lp_ft"] = "lp_ft"  # type: ignore[assignment]
    epochs: Count = 120
    learning_rate: LearningRate = 0.01
    probe_epochs: Count = 10
    probe_learning_rate: LearningRate = 0.5


EpochTrainer = LinearTrainer | DropQueryTrainer | ProxyTrainer
"""Trainers of a head on features that are there already, in epochs."""

FeatureTrainer = EpochTrainer | LogisticTrainer
"""Trainers of a head on features that are there already."""

ImageTrainer = LoraTrainer | FineTuner | ProbeThenFineTuner
"""Trainers that need the images, because they change the backbone."""

Trainer = Annotated[FeatureTrainer | ImageTrainer, Field(discriminator="name")]

TRAINERS = ("linear", "dropquery", "proxy", "logistic", "lora", "ft", "lp_ft")
