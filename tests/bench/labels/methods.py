"""The methods that are compared: whose they are, how they begin, and what decides their results."""

import importlib
import inspect
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.trainers import FeatureTrainer
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.models.heads import Head
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.select import STRATEGIES
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, Arm, BacktestPlan, Chooser, ComparedStrategy
from labelcycle.pipelines.backtest.labelled_history import LabelledHistory
from labelcycle.pipelines.backtest.prepare import RECIPE
from labelcycle.pipelines.backtest.simulate import choose
from labelcycle.pipelines.recipes.catalogue import recipe_path
from tests.bench.labels.heads import OURS, SCIKIT_LEARN

LABELCYCLE, SCIKIT_ACTIVEML, NUMPY = "labelcycle", "scikit-activeml", "NumPy"
DEFAULT = "default"
"""The strategy of the default recipe, with that recipe's first query."""

CENTROIDS, AT_RANDOM, OWN = "kmeans", "random", "own"
"""First queries; `OWN` is the strategy's way without labels."""

Rows = npt.NDArray[np.int64]


class Asks(Protocol):
    """A method on one pool."""

    def __call__(self, cycle: int, labelled: npt.NDArray[np.bool_], head: Head | None, budget: int) -> Rows:
        """Rows of the pool to label next.

        Args:
            cycle: 0 for the first query.
            labelled: which rows are labelled, (N,).
            head: the model of the labelled rows; None at the first query.
            budget: how many.
        """


@dataclass(frozen=True)
class Method:
    """A method.

    Attributes:
        by: whose.
        name: of its strategy.
        start: the first query.
        guided: whether it asks the head; one that does not chooses the same for every head.
        slow: whether it is for small pools alone.
        heads: that it is measured with.
        few_classes: whether it is left out where there are many classes, as its memory and time grow with them.
    """

    by: str
    name: str
    start: str
    guided: bool = True
    slow: bool = False
    heads: tuple[str, ...] = (OURS, SCIKIT_LEARN)
    few_classes: bool = False

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.by} {self.name}{', after centroids' if (self.name, self.start) == ('random', CENTROIDS) else ''}"

    @property
    def key(self) -> str:
        """For names of files."""
        return f"{self.by}-{self.name}-{self.start}".lower()


def default_recipe() -> Recipe:
    """What `labelcycle init` takes unless set otherwise."""
    return read_recipe(recipe_path(RECIPE))


def plan_of(history: LabelledHistory, batch: int) -> BacktestPlan:
    """A plan with the default recipe's trainer, which asks for `batch` labels."""
    return default_plan().model_copy(update={"classes": history.classes, "initial": batch, "batch": batch})


@lru_cache(maxsize=1)
def default_plan() -> BacktestPlan:
    """A plan with the default recipe's trainer, for no history in particular."""
    recipe = default_recipe()
    assert isinstance(recipe.trainer, FeatureTrainer)
    return BacktestPlan(
        source="bench",
        history=ObjectReference(key="in memory", sha256="0" * 64),
        classes=[],
        compared=[ComparedStrategy(chooser=RANDOM)],
        seeds=1,
        initial=1,
        batch=1,
        cycles=2,
        trainer=recipe.trainer,
        schedule=recipe.schedule,
        scorer=recipe.scorer if isinstance(recipe.scorer, DropoutScorer) else DropoutScorer(),
    )


def compared_in_recipe(method: Method) -> ComparedStrategy:
    """A method of labelcycle as a strategy of a backtest."""
    if method.name == DEFAULT:
        recipe = default_recipe()
        return ComparedStrategy(
            chooser=Chooser(strategy=recipe.selector.strategy, parameters=recipe.selector.parameters),
            cold_start=Chooser(strategy=recipe.cold_start.strategy, parameters=recipe.cold_start.parameters),
        )
    chooser = Chooser(strategy=method.name)
    return ComparedStrategy(
        chooser=chooser, cold_start=chooser if method.start == OWN else Chooser(strategy=method.start)
    )


def arm_of(compared: ComparedStrategy, seed: int) -> Arm:
    """An arm of a backtest."""
    return Arm("bench", compared, seed)


def chooser_of(compared: ComparedStrategy, history: LabelledHistory, seed: int) -> Asks:
    """A strategy on this pool, by the code of a backtest."""
    arm = arm_of(compared, seed)

    def ask(cycle: int, labelled: npt.NDArray[np.bool_], head: Head | None, budget: int) -> Rows:
        return choose(history, plan_of(history, budget), arm, cycle, labelled, head)

    return ask


def begin(method: Method, history: LabelledHistory, seed: int) -> Asks:
    """A method on this pool."""
    if method.by == LABELCYCLE:
        return chooser_of(compared_in_recipe(method), history, seed)
    from tests.bench.labels.peers import peer_on

    ask = peer_on(method.name, history, seed)
    if method.start == OWN:
        return ask
    start = chooser_of(ComparedStrategy(chooser=RANDOM, cold_start=Chooser(strategy=method.start)), history, seed)
    return lambda cycle, labelled, head, budget: (ask if cycle else start)(cycle, labelled, head, budget)


def settings_of(method: Method) -> dict[str, Any]:
    """What decides a method's choices."""
    if method.by == LABELCYCLE:
        compared = compared_in_recipe(method)
        choosers = (compared.chooser, compared.cold_start)
        strategies = [STRATEGIES[chooser.strategy] for chooser in choosers]
        return {
            "by": method.by,
            "contender": compared.model_dump(mode="json"),
            "versions": [strategy.version for strategy in strategies],
            "modules": [digest_of_bytes(_source(strategy.choose.__module__)) for strategy in strategies],
        }
    from tests.bench.labels.peers import PEERS

    packages = {name: version(name) for name in ("scikit-activeml", "scikit-learn")}
    start = {"start": method.start, "version": STRATEGIES[method.start].version if method.start != OWN else 0}
    return {"by": method.by, "name": method.name, **packages, **start, **PEERS[method.name].settings()}


def _ours(name: str, start: str = CENTROIDS, measured_with: tuple[str, ...] = (OURS,)) -> Method:
    return Method(LABELCYCLE, name, start, guided=name not in UNGUIDED, heads=measured_with)


UNGUIDED = {"random", "coreset", "typiclust", "probcover", "maxherding"}

METHODS = (
    _ours(DEFAULT),
    _ours("maxherding"),
    _ours("margin"),
    _ours("dropquery"),
    _ours("badge", measured_with=(OURS, SCIKIT_LEARN)),
    _ours("typiclust"),
    _ours("random", AT_RANDOM),
    Method(SCIKIT_ACTIVEML, "random", AT_RANDOM, guided=False),
    Method(SCIKIT_ACTIVEML, "random", CENTROIDS, guided=False),
    Method(SCIKIT_ACTIVEML, "margin", CENTROIDS),
    Method(SCIKIT_ACTIVEML, "entropy", CENTROIDS),
    Method(SCIKIT_ACTIVEML, "dropquery", CENTROIDS),
    Method(SCIKIT_ACTIVEML, "typiclust", CENTROIDS, guided=False, slow=True),
    Method(SCIKIT_ACTIVEML, "coreset", CENTROIDS, guided=False, slow=True),
    Method(SCIKIT_ACTIVEML, "probcover", CENTROIDS, guided=False, slow=True),
    Method(SCIKIT_ACTIVEML, "maxherding", CENTROIDS, guided=False, slow=True),
    Method(SCIKIT_ACTIVEML, "badge", CENTROIDS, slow=True, few_classes=True),
    Method(NUMPY, "uherding", CENTROIDS, slow=True),
)
"""Every one that is measured. Starts are the better of those that were tried: `--starts`."""


def _source(module: str) -> bytes:
    """A module's text, as versions may not be raised before a changed strategy is ready."""
    return inspect.getsource(importlib.import_module(module)).encode()


def starts_of(method: Method) -> tuple[str, ...]:
    """The first queries that a method can begin with."""
    if method.name in (DEFAULT, "random"):
        return (method.start,)
    return (CENTROIDS, AT_RANDOM) if method.guided else (CENTROIDS, AT_RANDOM, OWN)
