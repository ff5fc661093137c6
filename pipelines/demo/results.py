"""What the comparison found: a table, a sentence and a figure."""

from rich.table import Table

from labelcycle.components.evaluate.savings import IN_WORDS
from labelcycle.pipelines.backtest.curves import band
from labelcycle.pipelines.backtest.plot import Line, draw_lines
from labelcycle.pipelines.demo.comparison import Comparison, LabelsSaved, Learnt, labels_saved

NOTE = (
    "accuracy: mean of the seeds (lowest to highest). saved: how many more random picks it takes for the default's "
    "accuracy; below 0 it takes fewer; ≥ and ≤ mark bounds, where random picks never had that accuracy"
)


def table_of(found: Comparison) -> Table:
    """A row for every number of labels that the default recipe had."""
    table = Table()
    for heading in ("labels", found.default.title, found.random.title, found.peal.title, "labels saved"):
        table.add_column(heading, justify="right")
    arms = (found.default, found.random, found.peal)
    for saved in labels_saved(found.default, found.random):
        table.add_row(str(saved.labels), *(_accuracy_at(saved.labels, arm) for arm in arms), _saved(saved))
    return table


def _accuracy_at(labels: int, arm: Learnt) -> str:
    if labels not in arm.labels:
        return "–"
    point = arm.labels.index(labels)
    seeds = [row[point] for row in arm.accuracy]
    return f"{arm.mean.accuracy[point]:.3f} ({min(seeds):.3f} to {max(seeds):.3f})"


def _saved(saved: LabelsSaved) -> str:
    return f"{saved.saving.sign}{saved.saved:.0f} ({saved.lowest:.0f} to {saved.highest:.0f})"


def verdict(found: Comparison) -> str:
    """What the table says, from the second cycle on, when the recipe has chosen with a model."""
    points = labels_saved(found.default, found.random)
    later = points[1:]
    saving = [point for point in later if point.saved > 0]
    name = found.default.title
    if not saving:
        return f"{name} saves no labels here: from the second cycle on random picks need no more at any budget."
    where = "every budget" if len(saving) == len(later) else f"{len(saving)} of {len(later)} budgets"
    text = f"From the second cycle on {name} saves labels at {where}."
    last = points[-1]
    if last.saved > 0:
        needed, share = last.saving.equivalent_labels, last.saving.ratio
        text += (
            f" What it reaches with {last.labels} labels takes {IN_WORDS[last.saving.sign]}{needed:.0f} random ones: "
            f"{IN_WORDS[last.saving.sign]}{share:.0%} saved."
        )
    else:
        text += f" With {last.labels} labels it saves none."
    return text


def curves_of(found: Comparison) -> bytes:
    """All three learning curves with their bands: a PNG."""
    return draw_lines(
        [
            Line(arm.title, arm.labels, band(arm.accuracy), yardstick=arm is found.random)
            for arm in (found.default, found.peal, found.random)
        ]
    )
