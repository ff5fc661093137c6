"""The cycle and the prediction, declared once: their stages, and the tasks that run them in order.

The pipelines of Kubeflow, the workflows of Argo, the local engine, the profiles and `labelcycle stage` are made of
these tables. A further task, or a further edge, is a line here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

Decision = Literal["cold_start", "train"]
"""What label_ingest says where the run goes on; each is a branch of the cycle."""

DECISIONS: tuple[Decision, ...] = ("cold_start", "train")

WORK = ("cycle", "attempt")
"""What label_ingest tells every other stage."""

PREDICTION_WORK = ("prediction",)
"""What prediction_start tells the other stages of a prediction."""

Secret = Literal["storage", "tracking", "labelling", "notification"]
"""Credentials of the object store, of MLflow and of the labelling tool, and the addresses where people are told."""


@dataclass(frozen=True)
class Stage:
    """What a stage is, whichever task runs it.

    Attributes:
        name: of its folder in `components`, of its component, of its command, and in profiles.
        does: what it does, in a sentence for people.
        takes: what it is told besides the root: WORK, and settings that its tasks give it.
        gives: which of its facts decide how the run goes on.
        sharded: whether it does its work in shards, one pod each.
        counts_shards: whether it is told how many shards there are, though it does its own work at once.
        secrets: the credentials that it has.
        cached: whether Kubeflow may leave it out where the same inputs succeeded before.
        room: the folder of `pipelines` that has it, in the file named by the rest of its name; None for one in a folder
            of its own in `components`.
    """

    name: str
    does: str
    takes: tuple[str, ...] = WORK
    gives: tuple[str, ...] = ()
    sharded: bool = False
    counts_shards: bool = False
    secrets: tuple[Secret, ...] = ("storage",)
    cached: bool = False
    room: str | None = None

    @property
    def module(self) -> str:
        """The module that has its `run`."""
        if self.room is None:
            return f"labelcycle.components.{self.name}.stage"
        return f"labelcycle.pipelines.{self.room}.{self.name.removeprefix(f'{self.room}_')}"

    @property
    def tells_mlflow(self) -> bool:
        """Whether MLflow is told of its work."""
        return "tracking" in self.secrets


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "label_ingest",
            "Read new labels and decide: cold_start, train, wait or done.",
            takes=("labels_from", "finalize"),
            gives=("decision", *WORK, "reason"),
            secrets=("storage", "labelling", "notification"),
        ),
        Stage(
            "embed",
            "Make sure that a feature space holds what this cycle needs.",
            takes=(*WORK, "target"),
            sharded=True,
            cached=True,
        ),
        Stage("train_adapter", "Train the recipe's model on every label so far."),
        Stage("evaluate", "Measure this cycle's model on the test set."),
        Stage("score", "Ask the current model about the unlabelled pool.", sharded=True),
        Stage("select", "Choose the next samples to label.", counts_shards=True),
        Stage(
            "publish",
            "Commit the cycle, deliver its query and record it in MLflow.",
            secrets=("storage", "tracking", "labelling", "notification"),
        ),
        Stage(
            "notify",
            "Tell people of a cycle that failed.",
            takes=("failure",),
            secrets=("storage", "notification"),
        ),
        Stage("backtest_arm", "Simulate one arm of a backtest.", takes=("plan", "arm"), room="backtest"),
        Stage(
            "backtest_report",
            "Compare the arms of a backtest.",
            takes=("plan", "mlflow_root", "ended"),
            secrets=("storage", "tracking"),
            room="backtest",
        ),
        Stage(
            "prediction_start",
            "Fix the model and the samples of a prediction.",
            takes=("images", "model"),
            gives=PREDICTION_WORK,
            counts_shards=True,
            room="prediction",
        ),
        Stage(
            "prediction_parts",
            "Classify samples of the pool, or images.",
            takes=PREDICTION_WORK,
            sharded=True,
            room="prediction",
        ),
        Stage(
            "prediction_commit",
            "Commit a prediction, and write it into one file.",
            takes=(*PREDICTION_WORK, "output"),
            room="prediction",
        ),
    )
}
"""Every stage that a profile places: those of a cycle in their order, then those of a backtest and a prediction."""


@dataclass(frozen=True)
class Task:
    """A stage at its place in the cycle.

    Attributes:
        name: for people, such as `embed tuned`.
        stage: which it runs.
        after: tasks that it waits for. Where one of them is not run, it waits for what that one would have waited for.
        on: the decisions on which it is run.
        settings: what it tells its stage, besides the work.
        unless: what a campaign has where it need not run.
    """

    name: str
    stage: str
    after: tuple[str, ...] = ()
    on: tuple[Decision, ...] = DECISIONS
    settings: Mapping[str, str] = field(default_factory=dict)
    unless: Literal["features stay as they are"] | None = None

    @property
    def runs(self) -> Stage:
        """What its stage is."""
        return STAGES[self.stage]


def slug(name: str) -> str:
    """The name of a task or stage as Kubernetes writes names, such as `embed-tuned`."""
    return name.replace(" ", "-").replace("_", "-")


TRAIN: tuple[Decision, ...] = ("train",)


@dataclass(frozen=True)
class Graph:
    """The tasks behind the first stage, each declared after those that it waits for.

    Attributes:
        tasks: the tasks.
        first: the stage that says what they work on, and decides which of them are run.
        on_failure: the stage that is run where a run fails; empty for none.
        work: what the first stage tells every task.
        given: what a run's own parameters tell some of them.

    Raises:
        ValueError: two tasks have one name; one waits for what is not declared before it, runs no stage of a cycle, or
            sets what its stage is not told.
    """

    tasks: tuple[Task, ...]
    first: str = "label_ingest"
    on_failure: str = "notify"
    work: tuple[str, ...] = WORK
    given: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        before: set[str] = set()
        for task in self.tasks:
            if task.name in before:
                raise ValueError(f"two tasks are called {task.name!r}")
            if missing := [name for name in task.after if name not in before]:
                raise ValueError(f"{task.name!r} waits for {missing[0]!r}, which is not declared before it")
            if task.stage not in STAGES or not set(self.work) <= set(task.runs.takes):
                raise ValueError(
                    f"{task.name!r} runs {task.stage!r}, which is no stage that works on {self._worked_on}"
                )
            if set(task.settings) != set(task.runs.takes) - {*self.work, *self.given}:
                raise ValueError(f"{task.name!r} has other settings than {task.stage!r} takes")
            before.add(task.name)

    @property
    def _worked_on(self) -> str:
        return "an attempt" if self.work == WORK else f"a {self.work[0]}"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that any branch runs, and the one that failures do, in the order of the table."""
        used = {self.first, self.on_failure, *(task.stage for task in self.tasks)}
        return tuple(stage for name, stage in STAGES.items() if name in used)

    def branch(self, decision: Decision, without: Collection[str] = ()) -> tuple[Task, ...]:
        """The tasks that are run on a decision, in an order in which they can be run.

        Each waits for the tasks of the branch alone, and for none that another one of these waits for.

        Args:
            decision: label_ingest's.
            without: names of tasks to leave out.
        """
        kept: dict[str, Task] = {}
        nearest: dict[str, tuple[str, ...]] = {}
        above: dict[str, set[str]] = {}
        for task in self.tasks:
            waits = tuple(dict.fromkeys(name for other in task.after for name in nearest[other]))
            waits = tuple(name for name in waits if not any(name in above[other] for other in waits))
            if decision in task.on and task.name not in without:
                above[task.name] = set(waits).union(*(above[name] for name in waits))
                kept[task.name] = Task(task.name, task.stage, waits, task.on, task.settings, task.unless)
                nearest[task.name] = (task.name,)
            else:
                nearest[task.name] = waits
        return tuple(kept.values())

    def needless(self, features_stay: bool) -> frozenset[str]:
        """Names of the tasks that a campaign whose backbone never changes need not run; none for any other."""
        return frozenset(task.name for task in self.tasks if features_stay and task.unless is not None)


CYCLE = Graph(
    (
        Task("embed base", "embed", settings={"target": "base"}),
        Task("train_adapter", "train_adapter", after=("embed base",), on=TRAIN),
        Task(
            "embed tuned",
            "embed",
            after=("train_adapter",),
            on=TRAIN,
            settings={"target": "tuned"},
            unless="features stay as they are",
        ),
        Task("evaluate", "evaluate", after=("embed tuned",), on=TRAIN),
        Task("score", "score", after=("embed tuned",), on=TRAIN),
        Task("select", "select", after=("score",)),
        Task("publish", "publish", after=("evaluate", "select")),
    )
)
"""One cycle of active learning."""

PREDICTION = Graph(
    (
        Task("predict", "prediction_parts"),
        Task("commit", "prediction_commit", after=("predict",)),
    ),
    first="prediction_start",
    on_failure="",
    work=PREDICTION_WORK,
    given=("output",),
)
"""One prediction, of the pool or of images; it does the same on every decision."""
