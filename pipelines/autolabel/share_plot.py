"""The share of the pool that is labelled by machine against the share of these labels that is wrong, as a picture."""

from collections.abc import Sequence

from matplotlib.ticker import PercentFormatter

from labelcycle.components.publish.charts import FAINT, FONT, INK, as_png, blank_figure
from labelcycle.pipelines.autolabel.autolabel_records import AutolabelPlan, StepOutcome

COLOUR = "#0969da"
TEXT_SIZE = 11


def draw_share(plan: AutolabelPlan, outcomes: Sequence[StepOutcome]) -> bytes:
    """Draw what confidences let expect as a line, the claim as a dashed one, and each step's audit with its bound.

    A step whose audit was given up, since it had too many faults, has no bound and is not drawn. Certified steps are
    filled circles, the others empty, so that black and white tell them apart.

    Returns:
        A PNG of 1080 pixels' width, the same bytes for the same plan and outcomes.
    """
    figure, axes = blank_figure(9.0, 5.0)
    axes.plot(
        [samples / plan.pool for samples, _ in plan.curve],
        [error for _, error in plan.curve],
        color=COLOUR,
        linewidth=2,
        label="expected by calibrated confidence",
    )
    axes.axhline(plan.error, color=INK, linestyle="--", linewidth=1.2, label=f"claimed at {plan.level:.0%}: at most")
    for outcome in outcomes:
        if outcome.bound >= 1:
            continue
        share, rate = plan.steps[outcome.step].samples / plan.pool, outcome.faults / plan.steps[outcome.step].audited
        word = "certified" if outcome.certified else "not certified"
        axes.errorbar(
            [share],
            [rate],
            yerr=[[0.0], [outcome.bound - rate]],
            fmt="o",
            color=INK,
            markerfacecolor=INK if outcome.certified else "white",
            capsize=4,
            label=f"audit of step {outcome.step + 1}, up to its bound: {word}",
        )
    axes.set_xlabel("share of the pool labelled by machine", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.set_ylabel("share of these labels that is wrong", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper left", frameon=False, labelcolor=INK, prop={"family": FONT, "size": 10})
    return as_png(figure)
