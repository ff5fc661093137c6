"""Parts of the status: sparklines of accuracy, calibration and cost, the budget, and who is awaited until when."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from labelcycle.components.analysis.intervals import wilson_interval
from labelcycle.components.analysis.labels_by_class import class_warnings
from labelcycle.pipelines.dashboard.view import CampaignStatus, MarginalGain

if TYPE_CHECKING:
    from labelcycle.components.label_ingest.awaited_labels import AwaitedLabels


BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(figures: Sequence[float], width: int) -> str:
    """The last `width` figures as blocks: the lowest of them the lowest block, the highest the highest."""
    shown = figures[-width:] if width > 0 else []
    if not shown or min(shown) == max(shown):
        return BLOCKS[0] * len(shown)
    lowest, span = min(shown), max(shown) - min(shown)
    return "".join(BLOCKS[round((figure - lowest) / span * (len(BLOCKS) - 1))] for figure in shown)


LONGEST_SPARKLINE = 60
LONGEST_BAR = 40
SHOWN_CLASSES = 12


def curves(status: CampaignStatus, width: int) -> RenderableType | None:
    """Accuracy, calibration error and cost, cycle by cycle; None before two cycles have trained."""
    trained = status.state.measured
    if len(trained) < 2:
        return None
    cost_after = {cost.cycle: cost.overall_cost for cost in status.costs}
    rows: dict[str, tuple[list[float | None], str]] = {
        "accuracy": ([summary.accuracy for summary in trained], "{:.4f}"),
        "ECE": ([summary.ece for summary in trained], "{:.4f}"),
        "cost": ([cost_after[summary.cycle] for summary in trained], "{:,.2f}"),
    }
    grid = Table.grid(padding=(0, 1))
    for name, (curve, form) in rows.items():
        figures = [figure for figure in curve if figure is not None]
        if not figures:
            continue
        ends = f"{form.format(figures[0])} → {form.format(figures[-1])}"
        room = min(LONGEST_SPARKLINE, width - len("accuracy") - len(ends) - 2)
        grid.add_row(name, Text(sparkline(figures, room), style="cyan"), ends)
    return grid


def budget(status: CampaignStatus, width: int) -> list[Text]:
    """How much of the budget is spent, as a bar and in words."""
    summaries, total = status.state.summaries, status.state.campaign.budget
    spent = summaries[-1].answers if summaries else 0
    again = [] if status.rechecks is None else [Text(f"of these, {plain_text(status.rechecks.in_words)}")]
    return [Text(f"{spent} of {total} labels of the budget are used."), *again, bar(spent, total, width)]


def testing(status: CampaignStatus) -> list[Text]:
    """What accuracy is measured on, where that is not a test set that stays as it is."""
    state, wanted = status.state, status.state.campaign.test_from_budget
    last = state.summaries[-1] if state.summaries and state.summaries[-1].trained else None
    if last is None:
        return []
    if last.accuracy is None:
        return [Text(f"{last.accuracy_in_words}; no test set")]
    if not wanted:
        return []
    counts = [summary.test_samples or 0 for summary in state.summaries if summary.trained]
    grew = f"; it had {counts[-2]} a cycle before" if len(counts) > 1 and counts[-2] != counts[-1] else ""
    low, high = wilson_interval(round(last.accuracy * counts[-1]), counts[-1])
    return [
        Text(f"tested with {counts[-1]} of {wanted} samples{grew}: {low:.4f} to {high:.4f} (95 %)"),
        *_corrected(last.test_labels_corrected),
    ]


def _corrected(count: int) -> list[Text]:
    if not count:
        return []
    labels = "1 test label was" if count == 1 else f"{count} test labels were"
    return [Text(f"{labels} corrected since the cycle before, so the change is not of the model alone")]


def classes(status: CampaignStatus) -> list[Text]:
    """Labels a class of a few classes, the fewest first, and what is to be known of classes with few or none."""
    counts = status.labels_by_class
    few = sorted(counts.items(), key=lambda item: item[1])[:SHOWN_CLASSES]
    shown = " · ".join(f"{plain_text(name)} {count}" for name, count in few)
    more = len(counts) - len(few)
    lines = [Text(f"labels a class: {shown}" + (f" · {more} with more" if more else ""))] if counts else []
    return lines + [
        Text(f"note: {plain_text(words)}", style="yellow")
        for words in class_warnings(counts, status.state.campaign.recipe)
    ]


def bar(done: int, total: int, width: int) -> Text:
    """A bar that shows what is done, without colours too; full where all is done, and not before."""
    length = min(LONGEST_BAR, width)
    filled = length * min(done, total) // max(1, total)
    return Text.assemble(("█" * filled, "cyan" if done < total else "green"), ("░" * (length - filled), "dim"))


def money(status: CampaignStatus) -> list[Text]:
    """What it has cost, and what the last labels brought."""
    lines = []
    if status.costs:
        last = status.costs[-1]
        lines.append(
            Text(
                f"cost so far {last.overall_cost:,.2f} = labels {last.label_cost:,.2f} + computing "
                f"{last.compute_cost:,.2f}"
            )
        )
    if status.gain is not None:
        lines.append(Text(_gain_in_words(status.gain)))
    return lines


def _gain_in_words(gain: MarginalGain) -> str:
    brought = f"the last {gain.labels} labels brought {100 * gain.accuracy:+.2f} points of accuracy"
    each = f"{100 * gain.per_label:+.3f} a label"
    price = "" if gain.cost_of_a_point is None else f"; a point cost {gain.cost_of_a_point:,.2f}"
    return f"{brought}, {each}{price}"


def plain_text(text: str) -> str:
    """The text with `�` for every character that is not printable, so that nobody's name can steer the terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


SHOWN_SAMPLES = 5
SHOWN_ANNOTATORS = 12


def awaited(waited_for: "AwaitedLabels", width: int, now: datetime) -> list[RenderableType]:
    """The lines about the open query.

    Args:
        waited_for: how far it is answered.
        width: characters there are for a bar.
        now: with a time zone.
    """
    lines: list[RenderableType] = [
        Text(f"{waited_for.answered} of {waited_for.asked} samples of the query are answered."),
        bar(waited_for.answered, waited_for.asked, width),
    ]
    if waited_for.votes_by_annotator:
        lines.append(Text(f"votes: {_votes(waited_for.votes_by_annotator)}"))
    if waited_for.open:
        names = ", ".join(repr(name) for name in waited_for.open[:SHOWN_SAMPLES])
        more = len(waited_for.open) - SHOWN_SAMPLES
        lines.append(Text(f"open: {names}" + (f", and {more} more" if more > 0 else "")))
    if waited_for.outstanding:
        lines.append(Text(f"late: {waited_for.outstanding} samples of earlier queries still have no answer"))
    lines.append(Text(f"next cycle: {plain_text(waited_for.goes_on)}"))
    if waited_for.deadline is not None:
        lines.append(Text(f"deadline: {_deadline(waited_for.deadline, now)}"))
    return lines


def _votes(votes: dict[str, int]) -> str:
    """Who voted how often, the busiest first."""
    ranked = sorted(votes.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{plain_text(name) or '(not named)'} {count}" for name, count in ranked[:SHOWN_ANNOTATORS]]
    rest = ranked[SHOWN_ANNOTATORS:]
    if rest:
        shown.append(f"{len(rest)} others {sum(count for _, count in rest)}")
    return " · ".join(shown)


def _deadline(text: str, now: datetime) -> str:
    """The deadline and how far off it is; as it came, where it is no time that can be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return plain_text(text)
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC, {_time_left(moment - now)}"


def _time_left(left: timedelta) -> str:
    if left <= timedelta(0):
        return "passed"
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    days, hours = divmod(hours, 24)
    return f"in {days} d {hours} h" if days else f"in {hours} h {minutes} min"
