"""Long tails: macro F1 and labels of the rarest class, where classes are of very different sizes.

`python -m tests.bench.long_tails FEATURES.npz`: the file has `ids`, `features`, `labels` and `classes`. Each seed draws
which classes are rare. Of the k-th of C classes the pool has `HEAD` / ratio^(k / (C-1)) samples; the test set has as
many of each class. All methods begin with the same k-means centroids, but for random picks.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.analysis.accuracy import classification_metrics
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.models.heads import Head
from labelcycle.components.select import STRATEGIES, Candidates, Constraints, select_batch
from labelcycle.components.select.rare_classes import NEEDS, USES
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, ComparedStrategy
from labelcycle.pipelines.backtest.cycle_in_memory import OF_DROPOUT, candidates_of
from labelcycle.pipelines.backtest.labelled_history import Labelled, LabelledHistory
from labelcycle.pipelines.backtest.simulate import train
from tests.bench.labels.methods import arm_of, default_plan, default_recipe

RATIOS = (10, 50)
HEAD, TEST = 1500, 150
BUDGET, BATCH = 500, 50
SHOWN = (200, 500)

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Method:
    """How queries are chosen and heads trained: the default recipe but for these."""

    name: str
    strategy: str = "uherding"
    class_balanced: bool = False
    rare_classes: float = 0.0
    class_weight: str = "none"


METHODS = (
    Method("random", strategy="random"),
    Method("random, class_weight", strategy="random", class_weight="balanced"),
    Method("default"),
    Method("class_weight", class_weight="balanced"),
    Method("class_weight, class_balanced", class_balanced=True, class_weight="balanced"),
    Method("rare_classes 0.5", rare_classes=0.5),
    Method("class_weight, rare_classes 0.5", rare_classes=0.5, class_weight="balanced"),
    Method("class_weight, rare_classes 1", rare_classes=1.0, class_weight="balanced"),
)


@dataclass(frozen=True)
class Point:
    """After so many labels: figures of the model, and labels of the rarest class and of the three rarest together."""

    labels: int
    macro_f1: float
    accuracy: float
    rarest: int
    three_rarest: int


def long_tail(path: str, ratio: int, seed: int) -> tuple[LabelledHistory, list[int]]:
    """A pool with a long tail and a balanced test set; and the classes from the most frequent to the rarest."""
    with np.load(path, allow_pickle=False) as file:
        ids, features, labels = file["ids"].astype(np.str_), file["features"], file["labels"].astype(np.int64)
        classes = [str(name) for name in file["classes"]]
    generator = np.random.default_rng([seed, ratio])
    order = generator.permutation(len(classes)).tolist()
    pool: list[int] = []
    test: list[int] = []
    for place, number in enumerate(order):
        rows = generator.permutation(np.flatnonzero(labels == number)).tolist()
        size = round(HEAD * ratio ** (-place / (len(classes) - 1)))
        test += rows[:TEST]
        pool += rows[TEST : TEST + size]

    def part(rows: Sequence[int]) -> Labelled:
        chosen = np.array(rows, np.int64)
        chosen = chosen[np.argsort(ids[chosen])]
        return Labelled(ids[chosen], features[chosen].astype(np.float16), labels[chosen])

    return LabelledHistory("long tail", classes, part(pool), part([]), part(test)), order


def campaign(history: LabelledHistory, order: list[int], method: Method, recipe: Recipe, seed: int) -> list[Point]:
    """A campaign in memory, from its first query to the end of its budget."""
    assert isinstance(recipe.trainer, LogisticTrainer)
    trainer = recipe.trainer.model_copy(update={"class_weight": method.class_weight})
    plan = default_plan().model_copy(update={"classes": history.classes, "trainer": trainer})
    arm = arm_of(ComparedStrategy(chooser=RANDOM), seed)
    labelled = np.zeros(len(history.pool), np.bool_)
    head: Head | None = None
    points = []
    for cycle in range(BUDGET // BATCH):
        labelled[_query(history.pool, labelled, head, method, recipe, cycle, seed)] = True
        head = train(history, plan, arm, cycle + 1, np.flatnonzero(labelled), head)
        found = classification_metrics(head.probabilities(history.test.features), history.test.classes, history.classes)
        counts = np.bincount(history.pool.classes[labelled], minlength=len(order))
        assert found.macro_f1 is not None and found.accuracy is not None
        rarest = counts[order[-3:]]
        points.append(Point(int(labelled.sum()), found.macro_f1, found.accuracy, int(rarest[-1]), int(rarest.sum())))
    return points


def _query(
    pool: Labelled,
    labelled: npt.NDArray[np.bool_],
    head: Head | None,
    method: Method,
    recipe: Recipe,
    cycle: int,
    seed: int,
) -> Rows:
    rows = np.flatnonzero(~labelled)
    candidates = Candidates(ids=pool.ids[rows], features=pool.features[rows], cycle=cycle)
    if head is None:
        first = "random" if method.strategy == "random" else recipe.cold_start.strategy
        picks = select_batch(first, candidates, BATCH, seed)
    else:
        parameters = {"class_balanced": True} if method.class_balanced else {}
        strategy, limits = STRATEGIES[method.strategy], Constraints(rare_classes=method.rare_classes)
        reads = strategy.reads_with(parameters) | (NEEDS | USES if limits.rare_classes else set())
        dropout = default_plan().scorer if strategy.needs_with(parameters) & OF_DROPOUT else None
        known = np.flatnonzero(labelled)
        candidates = candidates_of(pool, labelled, known, head, strategy, reads, seed, cycle, dropout)
        picks = select_batch(method.strategy, candidates, BATCH, seed, constraints=limits, **parameters)
    return np.searchsorted(pool.ids, np.sort(picks.ids))


def main() -> None:
    """Print one row a method, a table a ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    recipe = default_recipe()
    headings = ["method", *(f"{what} at {count}" for count in SHOWN for what in ("macro F1", "rarest", "three rarest"))]
    for ratio in RATIOS:
        print(f"\n1:{ratio}\n\n| {' | '.join(headings)} |\n| --- |{' ---: |' * (len(headings) - 1)}", flush=True)
        for method in METHODS:
            runs = [
                campaign(*long_tail(options.features, ratio, seed), method, recipe, seed)
                for seed in range(options.seeds)
            ]
            print(_row(method.name, runs), flush=True)


def _row(name: str, runs: list[list[Point]]) -> str:
    cells = [name]
    for count in SHOWN:
        points = [next(point for point in run if point.labels == count) for run in runs]
        scores = [100 * point.macro_f1 for point in points]
        error = np.std(scores, ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else 0.0
        cells += [f"{np.mean(scores):.1f} ± {error:.1f}"]
        cells += [f"{np.mean([point.rarest for point in points]):.1f}"]
        cells += [f"{np.mean([point.three_rarest for point in points]):.1f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
