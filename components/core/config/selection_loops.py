"""What a recipe says about choosing training data from a pool whose labels are all known, to save training batches.

Source: VeCAF, sections 3 and 4.1.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from labelcycle.components.core.config.settings import Later, Settings
from labelcycle.components.core.config.trainers import Count

EarlierPicks = Literal["candidates", "labelled"]
"""What the samples are to a later loop that earlier ones selected: candidates like all others, or labelled samples."""

REST = "rest"
"""The class of whatever is not the target, where one class is told from the rest."""


def measured_head(batches: int) -> str:
    """The name, within an attempt, of the head as it was after so many batches in all."""
    return f"heads/{batches:07d}.safetensors"


def measured_features(batches: int) -> str:
    """The name, within an attempt, of the features of some test samples under the backbone of then."""
    return f"heads/{batches:07d}-features.parquet"


class DataSelection(Settings):
    """Loops that each choose samples from the whole pool, and train on these alone for an equal share of the batches.

    `total_batches` are those of all loops together, and the learning rate is annealed over all of them. `measurements`
    is how often a loop's model is measured, at equal distances. From the second loop on, `augmentation` moves features
    by `text_step` towards those of captions: those of the samples `selected` last, or those of the whole `pool`.

    With `replay` a loop trains on the selections of all loops so far; off, as in the paper, on its own alone. With
    `earlier_picks: labelled` what an earlier loop has selected counts as labelled and is not selected again, which is
    what strategies ask that know labelled samples, such as `alfamix` and `coreset`. With `train_augmented` training too
    sees the features of selected samples moved by `text_step` towards their captions, in every loop. A backbone that is
    tuned is measured within its loop on `measured_samples` of the test set; without any, at the loop's end alone.

    With the objective `one_vs_rest` losses, training and accuracy are those of telling `target` from the rest.

    Defaults: VeCAF, section 4.1 (three loops, 750 batches for CIFAR-10). The paper does not print its text step.
    """

    loops: Annotated[int, Field(ge=1)] = 3
    total_batches: Annotated[int, Field(ge=1)] = 750
    measurements: Annotated[int, Field(ge=1)] = 5
    augmentation: Literal["none", "selected", "pool"] = "selected"
    text_step: Annotated[float, Field(ge=0)] = 0.5
    objective: Literal["classes", "one_vs_rest"] = "classes"
    target: str | None = None
    replay: Annotated[bool, Later(False)] = False
    earlier_picks: Annotated[EarlierPicks, Later("candidates")] = "candidates"
    train_augmented: Annotated[bool, Later(False)] = False
    measured_samples: Annotated[Count | None, Later(None)] = None

    @property
    def chooses_augmented(self) -> bool:
        """Whether features move towards captions before a later loop chooses."""
        return self.augmentation != "none" and self.text_step > 0 and self.loops > 1

    @property
    def needs_texts(self) -> bool:
        """Whether features of captions are read."""
        return self.chooses_augmented or (self.train_augmented and self.text_step > 0)

    def batches(self, loop: int) -> range:
        """The batches of `loop`, from 1, by their numbers from 0 among those of all loops."""
        return range(self.total_batches * (loop - 1) // self.loops, self.total_batches * loop // self.loops)

    def points(self, loop: int) -> list[int]:
        """After how many batches in all the model of `loop` is measured; the last point is the loop's end."""
        share = self.batches(loop)
        steps = (len(share) * number // self.measurements for number in range(1, self.measurements + 1))
        return [share.start + step for step in dict.fromkeys(steps) if step]

    @model_validator(mode="after")
    def _agree(self) -> "DataSelection":
        if self.total_batches < self.loops:
            raise ValueError(f"total_batches {self.total_batches} leaves a loop without any; there are {self.loops}")
        if self.earlier_picks == "labelled" and self.augmentation == "selected":
            raise ValueError(
                "augmentation selected moves the candidates that were selected last, and with earlier_picks labelled "
                "none of them is a candidate; set augmentation to none or pool"
            )
        if self.objective == "one_vs_rest" and not self.target:
            raise ValueError("objective one_vs_rest needs a target, the class to tell apart from the rest; set it")
        if self.objective == "classes" and self.target is not None:
            raise ValueError("target is for the objective one_vs_rest; set that too, or remove it")
        if self.target == REST:
            raise ValueError(f"a target cannot be called {REST!r}, the name of all other classes together; rename it")
        return self
