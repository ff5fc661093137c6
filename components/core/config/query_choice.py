"""How a query is chosen, as recipes say it: how the head is asked, the strategy, and what holds whatever it is."""

import math
import reprlib
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from labelcycle.components.core.config.settings import Later, Settings

DropoutSite = Literal["features", "normalised"]
"""Where dropout acts: on the raw features, before batch normalisation (DropQuery's head), or on the normalised ones,
between it and the linear layer (PEAL's head)."""


class SoftmaxScorer(Settings):
    """The head is asked about each sample once."""

    name: Literal["softmax"] = "softmax"


class DropoutScorer(Settings):
    """The head is asked with dropout too, for disagreements and mutual information. Defaults: DropQuery, section 4."""

    name: Literal["dropout"] = "dropout"
    passes: Annotated[int, Field(ge=1)] = 3
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.75
    place: DropoutSite = "features"


SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 200


def _plain(value: object) -> object:
    if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"a parameter is a finite number, a text, true or false; got {SHORT.repr(value)}")
    return value


Parameter = Annotated[bool | int | float | str, BeforeValidator(_plain)]
"""What a recipe can pass to a strategy."""


class Choice(Settings):
    """How a query is chosen: the strategy, its parameters, and what holds whatever the strategy.

    `explore` is the share of the query that is drawn at random, `quotas` how many picks each named group gets, and
    `near_duplicates` the cosine similarity from which two samples count as the same.
    """

    strategy: str
    parameters: dict[str, Parameter] = {}
    explore: Annotated[float, Field(ge=0, le=1)] = 0.0
    quotas: dict[str, Annotated[int, Field(ge=0)]] = {}
    near_duplicates: Annotated[float, Field(gt=0, le=1)] | None = None

    @property
    def arguments(self) -> dict[str, Parameter]:
        """What the strategy is called with."""
        return self.parameters


class Selector(Choice):
    """How queries are chosen once there is a model.

    `class_balanced: true` is short for the parameter of that name. `exclude` and `include` name samples that are never
    asked for, and samples that are asked for first; both hold for the cold start too. `recheck` is the share of all
    queries that asks again for labels which the model doubts, `rare_classes` the share of each query that is for the
    classes with the fewest labels.
    """

    class_balanced: bool = False
    recheck: Annotated[float, Field(ge=0, le=0.5), Later(0.0)] = 0.0
    rare_classes: Annotated[float, Field(ge=0, le=1), Later(0.0)] = 0.0
    exclude: list[str] = []
    include: list[str] = []

    @property
    def arguments(self) -> dict[str, Parameter]:
        """What the strategy is called with."""
        return self.parameters | ({"class_balanced": True} if self.class_balanced else {})

    @model_validator(mode="after")
    def _agree(self) -> "Selector":
        if self.class_balanced and self.parameters.get("class_balanced") is False:
            raise ValueError("class_balanced is true, but parameters.class_balanced is false; remove one of them")
        both = sorted(set(self.exclude) & set(self.include))
        if both:
            raise ValueError(f"sample {both[0]!r} is both excluded and included; remove it from one of the lists")
        return self


class ColdStart(Choice):
    """How the first query is chosen, while there is no label yet.

    With `single_shot` it takes the whole budget: everything is chosen at once, before any label is known.
    """

    strategy: str = "random"
    single_shot: bool = False
