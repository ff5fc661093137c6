"""The course of accuracy, calibration and cost as sparklines, how far the budget is spent, and what labels bring."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from labelcycle.pipelines.dashboard.costs import MarginalGain
from labelcycle.pipelines.dashboard.sparkline import sparkline
from labelcycle.pipelines.dashboard.view import Standing

LONGEST_SPARKLINE = 60
LONGEST_BAR = 40


def courses(standing: Standing, width: int) -> RenderableType | None:
    """Accuracy, calibration error and cost, cycle by cycle; None before two cycles have trained."""
    trained = standing.state.trained
    if len(trained) < 2:
        return None
    cost_after = {cost.cycle: cost.overall_cost for cost in standing.costs}
    rows: dict[str, tuple[list[float | None], str]] = {
        "accuracy": ([summary.accuracy for summary in trained], "{:.4f}"),
        "ECE": ([summary.ece for summary in trained], "{:.4f}"),
        "cost": ([cost_after[summary.cycle] for summary in trained], "{:,.2f}"),
    }
    grid = Table.grid(padding=(0, 1))
    for name, (course, form) in rows.items():
        figures = [figure for figure in course if figure is not None]
        if not figures:
            continue
        ends = f"{form.format(figures[0])} → {form.format(figures[-1])}"
        room = min(LONGEST_SPARKLINE, width - len("accuracy") - len(ends) - 2)
        grid.add_row(name, Text(sparkline(figures, room), style="cyan"), ends)
    return grid


def budget(standing: Standing, width: int) -> list[Text]:
    """How much of the budget is spent, as a bar and in words."""
    summaries, total = standing.state.summaries, standing.state.campaign.budget
    spent = summaries[-1].answers if summaries else 0
    return [Text(f"{spent} of {total} labels of the budget are used."), bar(spent, total, width)]


def bar(done: int, total: int, width: int) -> Text:
    """A bar that tells what is done from what is not without colours too; full where all is done, and not before."""
    length = min(LONGEST_BAR, width)
    filled = length * min(done, total) // max(1, total)
    return Text.assemble(("█" * filled, "cyan" if done < total else "green"), ("░" * (length - filled), "dim"))


def money(standing: Standing) -> list[Text]:
    """What it has cost, and what the last labels brought."""
    lines = []
    if standing.costs:
        last = standing.costs[-1]
        lines.append(
            Text(
                f"cost so far {last.overall_cost:,.2f} = labels {last.label_cost:,.2f} + computing "
                f"{last.compute_cost:,.2f}"
            )
        )
    if standing.gain is not None:
        lines.append(Text(_gain_in_words(standing.gain)))
    return lines


def _gain_in_words(gain: MarginalGain) -> str:
    brought = f"the last {gain.labels} labels brought {100 * gain.accuracy:+.2f} points of accuracy"
    each = f"{100 * gain.per_label:+.3f} a label"
    price = "" if gain.cost_of_a_point is None else f"; a point cost {gain.cost_of_a_point:,.2f}"
    return f"{brought}, {each}{price}"
