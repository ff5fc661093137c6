"""Accuracy over what it cost, as a picture."""

from matplotlib.ticker import PercentFormatter

from labelcycle.components.publish.charts import FAINT, FONT, INK, as_png, blank_figure, shortened
from labelcycle.pipelines.cost.account import Account

TEXT_SIZE = 11
LONGEST_NAME = 40
COLOUR = "#0969da"


def draw_costs(account: Account, random: Account | None) -> bytes:
    """Draw test accuracy over overall cost so far; the random campaign is black and dashed.

    Returns:
        A PNG of 1080 pixels' width, the same bytes for the same accounts.
    """
    figure, axes = blank_figure(9.0, 5.0)
    drawn = [(account, COLOUR, "-"), *([] if random is None else [(random, INK, "--")])]
    for one, colour, line in drawn:
        rows = [row for row in one.rows if row.accuracy is not None and not row.final]
        axes.plot(
            [row.cost.overall_cost for row in rows],
            [row.accuracy or 0.0 for row in rows],
            color=colour,
            linestyle=line,
            marker="o",
            markersize=4,
            linewidth=2,
            label=shortened(one.campaign.name, LONGEST_NAME),
        )
    axes.set_xlabel("overall cost: labels and computing", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.set_ylabel("test accuracy", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.tick_params(labelsize=TEXT_SIZE)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right", frameon=False, labelcolor=INK, prop={"family": FONT, "size": 10})
    return as_png(figure)
