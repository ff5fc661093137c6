"""The cycles as a table, with as many columns as the terminal has room for."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from labelcycle.components.core.state import CycleSummary, State

UNKNOWN = "–"
COLUMNS = ("cycle", "labels", "accuracy", "change", "macro F1", "ECE", "query", "unknown:known")
WIDEST = 1000
FIRST_TO_GO = ("unknown:known", "macro F1", "query", "ECE", "change")
"""Columns that narrow terminals do without, in this order."""


def cycle_table(state: State, console: Console, width: int, rows: int | None = None) -> Table:
    """One row a cycle, the last `rows` of them; columns that have no room in `width` characters are left out."""
    cells = _cells(state.summaries)[-rows:] if rows else _cells(state.summaries)
    columns = list(COLUMNS)
    table = _table(columns, cells)
    for name in FIRST_TO_GO:
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


def _change(before: float | None, now: float | None) -> Text:
    if before is None or now is None:
        return Text("")
    change = now - before
    return Text(f"{change:+.4f}", style="green" if change > 0 else "red" if change < 0 else "")
