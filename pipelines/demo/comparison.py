"""The default recipe, random picks and PEAL's baseline on the same digits: several seeds, in this process."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labelcycle.components.analysis.savings import Curve, Saving, savings
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest.arm import run
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, BacktestPlan, Chooser, ComparedStrategy, write_plan
from labelcycle.pipelines.backtest.prepare import RECIPE, BacktestRequest, prepare
from labelcycle.pipelines.recipes.catalogue import recipe_path

PEAL = "linear_probe"
"""PEAL's own baseline, without its adapters: those need a backbone and images, and these features are pixels."""


@dataclass(frozen=True)
class Sizes:
    """How much is compared.

    Attributes:
        seeds: repetitions of each arm.
        batch: labels a cycle, and of the first query.
        cycles: trained cycles of both recipes.
        random_cycles: those of the random arm, which goes on for longer: it shows how many labels the same accuracy
            takes without choosing.
        campaign_cycles: trained cycles of the campaign on the same features.
        image_batch: labels a cycle on the images.
        image_cycles: trained cycles there.
    """

    seeds: int = 3
    batch: int = 10
    cycles: int = 12
    random_cycles: int = 40
    campaign_cycles: int = 3
    image_batch: int = 30
    image_cycles: int = 2


@dataclass(frozen=True)
class Learnt:
    """Learning curves of one arm.

    Attributes:
        title: for people.
        labels: P numbers, rising.
        accuracy: on the test set, S rows of P, one a seed.
    """

    title: str
    labels: list[int]
    accuracy: list[list[float]]

    @property
    def mean(self) -> Curve:
        """The average over the seeds."""
        return Curve(self.labels, np.mean(np.asarray(self.accuracy), axis=0).tolist())

    def at(self, labels: int) -> list[float]:
        """Accuracy with so many labels, one a seed; none where the arm did not go as far."""
        return [row[self.labels.index(labels)] for row in self.accuracy] if labels in self.labels else []


@dataclass(frozen=True)
class Comparison:
    """The three arms."""

    default: Learnt
    random: Learnt
    peal: Learnt


@dataclass(frozen=True)
class LabelsSaved:
    """At one number of labels: how many more random picks take for the same accuracy.

    Attributes:
        labels: of the recipe.
        saved: read off the mean curves; negative where random picks need fewer.
        saving: the same with the number that random needs, and whether it is a bound.
        lowest: of the single seeds, each with its own pair of curves.
        highest: likewise.
    """

    labels: int
    saved: float
    saving: Saving
    lowest: float
    highest: float


def compare(out: str, embeddings: str, sizes: Sizes, report: Callable[[str], None] = lambda text: None) -> Comparison:
    """Run every arm that has not ended below `out`.

    Args:
        out: a backtest's folder; arms whose results are there are not run again.
        embeddings: features with labels and a test split.
        sizes: how much.
        report: called with a line for every arm that has ended.

    Raises:
        LabelcycleError: an arm failed.

    Cost: a few processor seconds.
    """

    def learnt(title: str, recipe: str, compared: ComparedStrategy, cycles: int) -> Learnt:
        request = BacktestRequest(
            out=out,
            embeddings=embeddings,
            strategies=[f"{RANDOM.title},{compared.chooser.strategy}"],
            seeds=sizes.seeds,
            batch=sizes.batch,
            cycles=cycles,
            recipe=recipe,
        )
        plan = prepare(request).model_copy(update={"compared": [compared]})
        return Learnt(title, plan.labels, run_arms(out, plan, title, report))

    return Comparison(
        default=learnt(RECIPE, RECIPE, compared_in_recipe(RECIPE), sizes.cycles),
        random=learnt("random", RECIPE, ComparedStrategy(chooser=RANDOM), sizes.random_cycles),
        peal=learnt(PEAL, PEAL, compared_in_recipe(PEAL), sizes.cycles),
    )


def compared_in_recipe(recipe: str) -> ComparedStrategy:
    """How a recipe chooses, from its first query on."""
    settings = read_recipe(recipe_path(recipe), {})
    cold_start = settings.cold_start
    return ComparedStrategy(
        chooser=Chooser(strategy=settings.selector.strategy, parameters=settings.selector.arguments),
        cold_start=Chooser(strategy=cold_start.strategy, parameters=cold_start.parameters),
    )


def run_arms(out: str, plan: BacktestPlan, title: str, report: Callable[[str], None]) -> list[list[float]]:
    """Run the arms of a plan with one strategy, one after the other; accuracies, a row for each seed.

    Raises:
        LabelcycleError: an arm failed.
    """
    name = write_plan(open_store(out), plan)
    rows = []
    for arm in plan.arms():
        outcome = run(out, name, arm.name)
        if outcome.error:
            raise LabelcycleError(f"{title}, seed {arm.seed}, failed: {outcome.error}")
        rows.append([cycle.accuracy for cycle in outcome.cycles])
        report(f"{title}, seed {arm.seed}: accuracy {rows[-1][-1]:.4f} with {plan.labels[-1]} labels")
    return rows


def labels_saved(active: Learnt, random: Learnt) -> list[LabelsSaved]:
    """What the arm saved at each of its numbers of labels, against an arm with the same seeds.

    Source: ASVP, section 6.1 (equivalent number of non-AL labels).
    """
    by_seed = [
        [point.equivalent_labels - point.labels for point in savings(Curve(active.labels, a), Curve(random.labels, r))]
        for a, r in zip(active.accuracy, random.accuracy, strict=True)
    ]
    return [
        LabelsSaved(point.labels, point.equivalent_labels - point.labels, point, min(seeds), max(seeds))
        for point, seeds in zip(savings(active.mean, random.mean), zip(*by_seed, strict=True), strict=True)
    ]
