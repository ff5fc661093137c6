"""The status laid out for a terminal of some width, with the cycles as a table."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from labelcycle.components.core.campaign.estimate import NOT_MEASURED, AccuracyEstimate, NoEstimate
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.pipelines.amending.changes_in_words import history_in_words
from labelcycle.pipelines.dashboard.status_parts import awaited, budget, classes, curves, money, plain_text, testing
from labelcycle.pipelines.dashboard.view import CampaignStatus, View

UNKNOWN = "–"
ESTIMATE, TESTED = "cross-validated", "tested with"
"""Columns of campaigns without a test set, and of those whose test set can grow."""
COLUMNS = ("cycle", "labels", "accuracy", ESTIMATE, TESTED, "change", "macro F1", "ECE", "query", "unknown:known")
WIDEST = 1000
FIRST_TO_GO = ("unknown:known", "macro F1", "query", "ECE", "change")
"""Columns that narrow terminals do without, in this order."""


def cycle_table(state: State, console: Console, width: int, rows: int | None = None) -> Table:
    """One row a cycle, the last `rows` of them; columns that have no room in `width` characters are left out."""
    cells = _cells(state.summaries)[-rows:] if rows else _cells(state.summaries)
    left_out = {ESTIMATE: all(summary.estimate is None for summary in state.summaries)}
    left_out[TESTED] = not state.campaign.test_from_budget
    columns = [name for name in COLUMNS if not left_out.get(name)]
    table = _table(columns, cells)
    for name in FIRST_TO_GO:
        if name not in columns:
            continue
        if Measurement.get(console, console.options.update(width=WIDEST), table).maximum <= width:
            break
        columns.remove(name)
        table = _table(columns, cells)
    return table


def _table(columns: list[str], cells: list[dict[str, Text]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for row in cells:
        table.add_row(*(row[name] for name in columns))
    return table


def _cells(summaries: list[CycleSummary]) -> list[dict[str, Text]]:
    """What stands in each row, by column."""
    rows = []
    before: float | None = None
    for summary in summaries:
        known = f"{summary.unknown}:{summary.known}" if summary.known or summary.unknown else ""
        rows.append(
            {
                "cycle": Text(f"{summary.cycle} (final)" if summary.final else str(summary.cycle)),
                "labels": Text(str(summary.labels)),
                "accuracy": _figure(summary.accuracy),
                ESTIMATE: _estimate(summary.estimate),
                TESTED: Text(UNKNOWN if summary.test_samples is None else str(summary.test_samples)),
                "change": _change(before, summary.accuracy),
                "macro F1": _figure(summary.macro_f1),
                "ECE": _figure(summary.ece),
                "query": Text(str(summary.query_size) if summary.query_size else UNKNOWN),
                "unknown:known": Text(known),
            }
        )
        before = summary.accuracy if summary.accuracy is not None else before
    return rows


def _figure(figure: float | None) -> Text:
    return Text(UNKNOWN if figure is None else f"{figure:.4f}")


def _estimate(found: AccuracyEstimate | NoEstimate | None) -> Text:
    if found is None:
        return Text(UNKNOWN)
    if isinstance(found, NoEstimate):
        return Text(NOT_MEASURED)
    return Text(f"{found.accuracy:.4f} ({found.low:.2f}–{found.high:.2f})")


def _change(before: float | None, now: float | None) -> Text:
    if before is None or now is None:
        return Text("")
    change = now - before
    return Text(f"{change:+.4f}", style="green" if change > 0 else "red" if change < 0 else "")


def title(status: CampaignStatus) -> list[Text]:
    """Which campaign, and the report's verdict on it; how to use the model of one that has ended is among it."""
    campaign, verdict = status.state.campaign, status.verdict
    name = Text(f"{campaign.identifier} · {campaign.recipe.name}", style="bold")
    if verdict is None:
        return [name]
    sentences = [verdict.quality, *([verdict.more] if verdict.more else []), *verdict.reasons]
    return [
        name,
        Text(plain_text(verdict.headline), style="bold"),
        *(Text(plain_text(sentence)) for sentence in sentences),
        *(Text.assemble("  ", (plain_text(each.line), "bold"), f"  # {each.what}") for each in verdict.commands),
    ]


def header(status: CampaignStatus) -> list[Text]:
    """Where the campaign stands, what to do next and where the report is."""
    lines = [
        Text(plain_text(status.step.words)),
        Text.assemble("next: ", (plain_text(status.step.command), "bold")),
    ]
    if status.report is not None:
        lines.append(Text(f"report: {plain_text(status.report)}"))
    if status.state.amended is not None:
        lines += [Text(f"amended {plain_text(words)}") for words in history_in_words(status.state.amended)]
    return lines


def progress(
    status: CampaignStatus, console: Console, width: int, cycles: int | None = None, with_curves: bool = True
) -> list[RenderableType]:
    """The table of cycles, the curves, budget and cost.

    Args:
        status: what the commits say.
        console: where it is shown.
        width: of the terminal.
        cycles: how many of the last cycles to list; None for all.
        with_curves: whether the sparklines are shown.
    """
    parts: list[RenderableType] = []
    if status.state.summaries:
        parts.append(cycle_table(status.state, console, width, cycles))
    curve = curves(status, width) if with_curves else None
    if curve is not None:
        parts += [curve, Text()]
    return [*parts, *testing(status), *classes(status), *budget(status, width), *money(status)]


def people(view: View, width: int) -> list[RenderableType]:
    """Who is awaited, or why that is not known."""
    parts: list[RenderableType] = []
    if view.waited_for is not None:
        parts += [Text(), *awaited(view.waited_for, width, datetime.now(UTC))]
    if view.note is not None:
        parts += [Text(), Text(f"note: {plain_text(view.note)}", style="yellow")]
    return parts


def print_status(console: Console, status: CampaignStatus) -> None:
    """Print what the commits say; commands and addresses are never broken, and nothing is where it is piped."""
    _print(console, title(status))
    for line in header(status):
        console.print(line, soft_wrap=True, highlight=False)
    _print(console, progress(status, console, console.width))


def print_people(console: Console, view: View) -> None:
    """Print who is awaited."""
    _print(console, people(view, console.width))


def _print(console: Console, parts: Sequence[RenderableType]) -> None:
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text) and not console.is_terminal, highlight=False)
