"""Recipes: which trainer, strategy, cold start and schedule a campaign uses, fully validated."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from labelcycle.components.core.config.embedding import Embedding
from labelcycle.components.core.config.query_choice import SHORT, ColdStart, DropoutScorer, Selector, SoftmaxScorer
from labelcycle.components.core.config.selection_loops import DataSelection
from labelcycle.components.core.config.settings import Later, Settings
from labelcycle.components.core.config.trainers import (
    TRAINERS,
    Count,
    FeatureTrainer,
    FineTuner,
    ImageTrainer,
    LogisticTrainer,
    ProbeThenFineTuner,
    Trainer,
)
from labelcycle.components.core.errors import near_miss

MOST_NAMED = 20
"""Refused settings that one message names."""

KINDS = {"trainer": TRAINERS, "final": TRAINERS, "scorer": ("softmax", "dropout")}


class Schedule(Settings):
    """How training changes from cycle to cycle, and how many labels these ask for.

    `batches_from` says from how many labels on a cycle asks for how many, in place of the campaign's batch:
    `[[2000, 500]]` asks for 500 as soon as 2,000 were asked for. ASVP, section 6.1.
    """

    warm_start: bool = True
    learning_rate_drops: list[int] = []
    drop_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    batches_from: Annotated[list[tuple[Count, Count]], Later([])] = []

    @model_validator(mode="after")
    def _rising(self) -> "Schedule":
        starts = [start for start, _ in self.batches_from]
        if starts != sorted(set(starts)):
            raise ValueError(f"batches_from lists rising numbers of labels, each with a batch; got {starts}")
        return self

    def batch_at(self, asked: int, batch: int) -> int:
        """How many a cycle asks for after so many.

        Args:
            asked: so far.
            batch: the campaign's.
        """
        reached = [size for start, size in self.batches_from if asked >= start]
        return reached[-1] if reached else batch

    def labels_by_cycle(self, initial: int, batch: int) -> Iterator[int]:
        """How many were asked for at the end of each query, the first one among them; it never ends."""
        asked = initial
        while True:
            yield asked
            asked += self.batch_at(asked, batch)

    def learning_rate(self, initial: float, cycle: int) -> float:
        """The learning rate of `cycle`: `initial`, multiplied by `drop_factor` at each drop reached so far."""
        return initial * self.drop_factor ** sum(cycle >= drop for drop in self.learning_rate_drops)


DEFAULT_THRESHOLDS = {"absolute": 1.0, "relative": 0.05, "holdout": 0.01}
"""Of an alignment without a threshold, by mode: LogME, a share of it, accuracy. The first is ASVP's, section 6.1."""


class Alignment(Settings):
    """When the features that a proxy is trained on are recomputed by a fine-tuned backbone. ASVP, section 5.

    Each cycle measures how much moving the classes apart (PED) and how well the features explain the labels (LogME). A
    backbone is fine-tuned when LogME has changed by less than `threshold` since the cycle before (`absolute`), by less
    than this share of its size (`relative`), or when fine-tuning beats linear probing by more than `threshold` in
    accuracy on the validation split (`holdout`). Without a threshold it is that of `DEFAULT_THRESHOLDS`.

    With `update_at` features are recomputed at these numbers of labels, whatever is measured (ASVP, table 4). Without
    `feature_alignment` they never are, and the decision is about the final model alone: it is trained by
    `final.aligned` once it was met, by `final.trainer` else (ASVP's training alignment, table 3).
    """

    mode: Literal["absolute", "relative", "holdout"] = "absolute"
    threshold: Annotated[float, Field(gt=0)] | None = None
    max_updates: Annotated[int, Field(ge=1)] = 1
    trainer: FineTuner = FineTuner()
    update_at: Annotated[list[Count], Later([])] = []
    feature_alignment: Annotated[bool, Later(True)] = True

    @model_validator(mode="after")
    def _positions(self) -> "Alignment":
        if self.update_at != sorted(set(self.update_at)):
            raise ValueError(f"update_at lists rising numbers of labels; got {self.update_at}")
        if len(self.update_at) > self.max_updates:
            raise ValueError(
                f"update_at names {len(self.update_at)} updates, and max_updates allows {self.max_updates}"
            )
        return self

    @property
    def limit(self) -> float:
        """The threshold that holds: the one given, or the mode's own."""
        return DEFAULT_THRESHOLDS[self.mode] if self.threshold is None else self.threshold


class Final(Settings):
    """How `labelcycle finalize` trains the model that is kept, where the cycles' own models only choose samples.

    `aligned` is used instead of `trainer` where the backbone was fine-tuned on the way. ASVP, section 5.
    """

    trainer: Annotated[FineTuner | ProbeThenFineTuner, Field(discriminator="name")]
    aligned: Annotated[FineTuner | ProbeThenFineTuner, Field(discriminator="name")] | None = None


StopMetric = Literal["accuracy", "macro_f1"]


class Stop(Settings):
    """What ends a campaign before its budget is spent.

    `plateau_cycles` cycles in a row that raise the best accuracy by less than `plateau_gain` in all end it. So does a
    cycle whose gain is worth less than it cost, where `worth_of_a_point` says what one hundredth of accuracy is worth
    in the currency of the campaign's prices; gain and cost are those of the last `worth_cycles` cycles. The cost is
    that of labels alone, without computing. And so does the first cycle that reaches `target`.

    All three look at `metric` on the test set. Where classes are of very different sizes accuracy says little of the
    rare ones; `macro_f1`, the mean over classes of their F1, counts each the same.
    """

    plateau_cycles: Annotated[int, Field(ge=1)] | None = None
    plateau_gain: Annotated[float, Field(ge=0)] = 0.005
    worth_of_a_point: Annotated[float, Field(gt=0)] | None = None
    worth_cycles: Annotated[int, Field(ge=1)] = 2
    target: Annotated[float | None, Field(gt=0, le=1), Later(None)] = None
    metric: Annotated[StopMetric, Later("accuracy")] = "accuracy"

    @property
    def is_set(self) -> bool:
        """Whether any rule is."""
        return any(rule is not None for rule in (self.plateau_cycles, self.worth_of_a_point, self.target))


class Recipe(Settings):
    """A whole method. One YAML file each in `pipelines/recipes`, or a file of the user's own.

    `batch_per_class` is how many labels a class a cycle asks for where the user names no batch; None leaves the batch
    to the budget. A default `embedding` is not written: such a campaign is what it was before there was a choice.
    """

    name: str
    summary: str
    source: str
    cost: str
    batch_per_class: Annotated[int, Field(ge=1)] | None = None
    embedding: Annotated[Embedding, Later(Embedding())] = Embedding()
    trainer: Trainer
    scorer: Annotated[SoftmaxScorer | DropoutScorer, Field(discriminator="name")] = SoftmaxScorer()
    selector: Selector
    cold_start: ColdStart = ColdStart()
    schedule: Schedule = Schedule()
    alignment: Alignment | None = None
    final: Final | None = None
    stop: Stop = Stop()
    data_selection: DataSelection | None = None

    @property
    def trains_on_images(self) -> bool:
        """Whether a cycle's training needs the images themselves rather than their features."""
        return isinstance(self.trainer, ImageTrainer)

    @property
    def needs_images(self) -> bool:
        """Whether the cycles need the images themselves. The final model does too, but is a matter of its own."""
        return self.trains_on_images or self.alignment is not None

    @property
    def changes_features(self) -> bool:
        """Whether a cycle or the final model may have features other than those of the backbone as it comes."""
        return self.needs_images or self.final is not None

    @model_validator(mode="after")
    def _agree(self) -> "Recipe":
        if isinstance(self.trainer, LogisticTrainer):
            if self.schedule.learning_rate_drops:
                raise ValueError("logistic regression has no learning rate; remove schedule.learning_rate_drops")
            if self.alignment is not None:
                raise ValueError("alignment is for trainers in epochs such as proxy, not for 'logistic'; remove it")
        if self.alignment is not None and not isinstance(self.trainer, FeatureTrainer):
            raise ValueError(
                f"alignment is for trainers on features such as proxy, and {self.trainer.name!r} changes the backbone "
                "itself; remove it"
            )
        in_features = self.alignment is None or self.alignment.feature_alignment
        if not in_features and (self.final is None or self.final.aligned is None):
            raise ValueError("alignment without feature_alignment is for the final model; set final.aligned")
        if self.data_selection is not None:
            self._agree_with_data_selection()
        return self

    def _agree_with_data_selection(self) -> None:
        """Refuse what belongs to campaigns that collect labels.

        Raises:
            ValueError: a setting that would have no effect, or another than it says.
        """
        if self.trainer.name not in ("linear", "ft"):
            raise ValueError(f"data_selection trains linear or ft, not {self.trainer.name!r}; set trainer.name")
        if self.alignment is not None or self.final is not None:
            raise ValueError("data_selection trains one model from loop to loop; remove alignment and final")
        if self.selector.recheck:
            raise ValueError("data_selection knows all labels and asks for none again; remove selector.recheck")
        if self.selector.rare_classes:
            raise ValueError("data_selection chooses from labelled samples alone; remove selector.rare_classes")
        if self.batch_per_class is not None:
            raise ValueError("data_selection takes a batch a loop from the user; remove batch_per_class")
        if not self.schedule.warm_start or self.schedule.learning_rate_drops or self.schedule.batches_from:
            raise ValueError("data_selection continues from loop to loop; leave schedule at its default")

    @property
    def uses_base_features(self) -> bool:
        """Whether the features of the backbone as it comes are read by any stage."""
        cold, selection = self.cold_start, self.data_selection
        if selection is not None and selection.train_augmented:
            return True
        return not self.trains_on_images or cold.strategy != "random" or cold.near_duplicates is not None


def describe(error: ValidationError) -> str:
    """The validation errors, a line each: the setting, what is wrong and what was given."""
    lines = []
    problems = error.errors()
    for problem in problems[:MOST_NAMED]:
        name = ".".join(_as_written(problem["loc"])) or "(whole)"
        if problem["type"] == "extra_forbidden":
            lines.append(_unknown(name))
        elif problem["type"] == "missing":
            lines.append(f"  {name}: missing. Add it.")
        elif problem["type"] == "union_tag_not_found":
            lines += _without_kind(name, problem["input"])
        elif problem["type"] == "value_error":
            lines.append(f"  {name}: {problem['ctx']['error']}.")
        else:
            taken = problem["type"] == "string_type" and isinstance(problem["input"], bool | int | float)
            remedy = " Put it into quotes." if taken else ""
            lines.append(f"  {name}: {problem['msg']}; got {SHORT.repr(problem['input'])}.{remedy}")
    if len(problems) > MOST_NAMED:
        lines.append(f"  … and {len(problems) - MOST_NAMED} more.")
    return "\n".join(lines)


def _unknown(name: str) -> str:
    guess = near_miss(name.rpartition(".")[2], _names_of(Settings)) or " Remove it or correct its spelling."
    return f"  {name}: unknown setting.{guess}"


def _without_kind(group: str, given: object) -> list[str]:
    """Lines for a trainer, scorer or the like of which settings were given, but not which one it is."""
    if not isinstance(given, dict) or not given:
        return [f"  {group}.name: missing. Add it."]
    kinds = KINDS.get(group.rpartition(".")[2])
    choice = f", one of {', '.join(kinds)}" if kinds else ""
    known = _names_of(Settings)
    return [
        f"  {group}.{key}: is set, but {group}.name is missing. Set that too{choice}."
        if key in known
        else _unknown(f"{group}.{key}")
        for key in map(str, given)
    ]


def _names_of(group: type[Settings]) -> set[str]:
    """The names of all settings in the groups that are made of this one."""
    return set(group.model_fields).union(*(_names_of(kind) for kind in group.__subclasses__()))


def _as_written(location: tuple[int | str, ...]) -> list[str]:
    """The path to a setting without the kind of trainer or scorer, which pydantic puts in (trainer.linear.epochs)."""
    parts: list[str] = []
    for part in location:
        if not (parts and part in KINDS.get(parts[-1], ())):
            parts.append(str(part))
    return parts
