"""What the comparison found: a table, a sentence and a figure."""

import numpy as np
from rich.table import Table

from labelcycle.components.analysis.savings import IN_WORDS, Curve
from labelcycle.pipelines.backtest.curves import band
from labelcycle.pipelines.backtest.plot import Line, draw_lines
from labelcycle.pipelines.demo.comparison import Comparison, LabelsSaved, Learnt, labels_saved

NOTE = """\
accuracy, labels saved: of the mean curves (lowest–highest of the seeds)
labels saved: how many more labels random picks take for the accuracy of the default recipe; below 0 they take fewer;
≥ and ≤ mark bounds, where random picks never had that accuracy"""


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
    seeds = arm.at(labels)
    if not seeds:
        return "–"
    return f"{float(np.mean(seeds)):.3f} ({_short(min(seeds))}–{_short(max(seeds))})"


def _short(accuracy: float) -> str:
    """0.8349 → `.835`."""
    return f"{accuracy:.3f}".removeprefix("0")


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


def table_on_images(pixels: Learnt, default: Curve, peal: Curve) -> Table:
    """A row for every number of labels: the default recipe on pixels, and both recipes on the images.

    Args:
        pixels: the default recipe of the comparison.
        default: the same recipe on the images.
        peal: PEAL's own recipe on the images, with the same numbers of labels.
    """
    table = Table()
    for heading in ("labels", f"{pixels.title}, pixels", f"{pixels.title}, images", "peal_entropy, images"):
        table.add_column(heading, justify="right")
    for labels, ours, theirs in zip(default.labels, default.accuracy, peal.accuracy, strict=True):
        table.add_row(str(labels), _accuracy_at(labels, pixels), f"{ours:.3f}", f"{theirs:.3f}")
    return table


def verdict_on_images(default: Curve, peal: Curve) -> str:
    """Which recipe is ahead where both have the images and the same backbone."""
    behind = sum(theirs > ours for ours, theirs in zip(default.accuracy, peal.accuracy, strict=True))
    return (
        f"On the same images and backbone PEAL is ahead at {behind} of {len(peal.labels)} budgets. One seed each: "
        "that is a hint and no proof."
    )
