"""What a recipe says about training: one class of settings a trainer, with its paper's figures as defaults."""

import math
import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from labelcycle.components.core.config.settings import Later, Settings

Count = Annotated[int, Field(ge=1)]
BatchSize = Annotated[int, Field(ge=2)]
LearningRate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]

Blocks = Annotated[str, Field(pattern=r"^(all|last:[1-9][0-9]*)$")]
"""Which blocks of a network are trained: `all`, or `last:K` for the K nearest to its output."""


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}; correct it") from error
    return text


ClassWeight = Literal["none", "balanced"]
"""What the labels of a class count for: each the same, or all of a class together the same as those of another."""

HeadInit = Literal["random", "prototypes"]
"""What a head begins at that is trained together with its backbone: random parameters, or those of the trainer
`logistic` on the features of the backbone before anything changes it, as nearly as a linear layer can have them."""


class Training(Settings):
    """What every trainer shares.

    `batch_size` of None takes all examples at once. `annealing` lowers the learning rate within a training, beside the
    drops between cycles. `accumulation` is the number of batches whose gradients make one step. With `patience`,
    training ends after so many epochs in which the loss has not fallen by `improvement`. With `class_weight: balanced`
    every class that has labels counts the same in the loss. With `min_steps` there are as many epochs as it takes for
    so many steps of the optimiser, where `epochs` would make fewer: few labels are few batches an epoch.

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
    class_weight: Annotated[ClassWeight, Later("none")] = "none"
    min_steps: Annotated[Count | None, Later(None)] = None

    def epochs_for(self, examples: int) -> int:
        """The epochs of a training on so many examples: `epochs`, or more where `min_steps` wants more.

        A last batch of one example joins the one before it, and `accumulation` batches make a step.
        """
        if self.min_steps is None:
            return self.epochs
        size = self.batch_size or max(2, examples)
        batches = max(1, math.ceil(examples / size) - (examples > size and examples % size == 1))
        return max(self.epochs, math.ceil(self.min_steps / math.ceil(batches / self.accumulation)))


class LinearTrainer(Training):
    """Batch normalisation, dropout and a linear layer on frozen features (linear probing). PEAL, section 4.1."""

    name: Literal["linear"] = "linear"
    dropout: Share = 0.5


class LearnsFromPool(Settings):
    """What the trainers share that can learn from samples without a label.

    With `unlabelled: spread` the pool helps: labels are spread over a graph of neighbours, and samples count by how
    sure they then are of a class. Together they count `unlabelled_weight` times as much as the labels while these are
    few, never more than `unlabelled_most` labels a class, and each on average less than the share `unlabelled_each`
    of a label. Each sample is joined to `unlabelled_neighbours` others; DropQuery's study has 500.
    """

    unlabelled: Annotated[Literal["none", "spread"], Later("none")] = "none"
    unlabelled_weight: Annotated[float, Field(gt=0), Later(2.0)] = 2.0
    unlabelled_most: Annotated[float, Field(gt=0), Later(10.0)] = 10.0
    unlabelled_each: Annotated[float, Field(gt=0, le=1), Later(0.2)] = 0.2
    unlabelled_neighbours: Annotated[Count, Later(10)] = 10


class DropQueryTrainer(Training, LearnsFromPool):
    """Dropout on the raw features, batch normalisation without parameters, a linear layer. DropQuery's code.

    What it may learn from the pool is its study's label propagation.

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


LABELS_OF_STRENGTH = 1000
"""Labels at which the prior of logistic regression has the strength that is set, where it grows with them."""


class LogisticTrainer(LearnsFromPool):
    """Logistic regression on standardised features of unit length, drawn to the class prototypes, to convergence.

    The loss is the sum of cross-entropies and `strength` / 2 times the squared distance of the weights from `scale`
    times the prototypes; a scale of None is 3.5·ln C, but at least 8, which is that of ten classes: among more of them
    a class needs a larger logit to be as likely. With a `strength_growth` of g, `strength` is that of 1,000 labels, and
    that of L labels (L / 1,000)^g times as large: few labels say little that one should hold back from. With
    `class_weight: balanced` every class that has labels counts the same. With `temperature: cross_validated`
    probabilities are calibrated by one temperature, chosen by five-fold cross-validation.

    In a campaign that begins from the names of its classes, a name counts as `text_labels` labels of its class: in the
    prototype, and where labels are spread, among the samples that it may be the class of.

    `version` is that of the algorithm, no setting. Version 1 differs in the last bits of what the pool says: its
    neighbours were found by other matrix products.
    """

    version: ClassVar[int] = 2

    name: Literal["logistic"] = "logistic"
    strength: Annotated[float, Field(gt=0)] = 0.1
    strength_growth: Annotated[float, Field(ge=0, le=1), Later(0.0)] = 0.0
    scale: Annotated[float, Field(ge=0)] | None = None
    class_weight: ClassWeight = "none"
    temperature: Literal["none", "cross_validated"] = "none"
    text_labels: Annotated[float, Field(ge=0), Later(2.0)] = 2.0

    def strength_of(self, labels: int) -> float:
        """λ of training on so many labels."""
        return self.strength * math.pow(labels / LABELS_OF_STRENGTH, self.strength_growth)

    def scale_of(self, classes: int) -> float:
        """The scale among so many classes: the one given, or that which grows with their number."""
        return max(8.0, 3.5 * math.log(classes)) if self.scale is None else self.scale


class BackboneTraining(Training):
    """What trainers share that train a head together with its backbone.

    `head_init` is what the head begins at where there is none of an earlier cycle to go on from.
    """

    head_init: Annotated[HeadInit, Later("random")] = "random"


class LoraTrainer(BackboneTraining):
    """PEAL's head trained together with LoRA adapters in the backbone's attention blocks. PEAL, section 4.1.

    `target` is a regular expression over the last part of the names of linear layers: `qkv` where query, key and value
    are one layer, as in most vision transformers of timm, `[qkv]_proj` where they are three, as in its EVA02.
    `learning_rate` is that of the adapters, and the head's too unless `head_learning_rate` is given.
    """

    version: ClassVar[int] = 2

    name: Literal["lora"] = "lora"
    dropout: Share = 0.5
    rank: Count = 16
    alpha: Count = 16
    lora_dropout: Share = 0.1
    target: Annotated[str, AfterValidator(_regular_expression)] = "qkv"
    blocks: Blocks = "all"
    head_learning_rate: Annotated[LearningRate | None, Later(None)] = None


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

    def probe_epochs_for(self, examples: int) -> int:
        """The epochs of probing, which `min_steps` makes as many times more as it does those of fine-tuning."""
        return math.ceil(self.probe_epochs * self.epochs_for(examples) / self.epochs)


EpochTrainer = LinearTrainer | DropQueryTrainer | ProxyTrainer
"""Trainers of a head on features that are there already, in epochs."""

FeatureTrainer = EpochTrainer | LogisticTrainer
"""Trainers of a head on features that are there already."""

ImageTrainer = LoraTrainer | FineTuner | ProbeThenFineTuner
"""Trainers that need the images, because they change the backbone."""

Trainer = Annotated[FeatureTrainer | ImageTrainer, Field(discriminator="name")]

TRAINERS = ("linear", "dropquery", "proxy", "logistic", "lora", "ft", "lp_ft")
