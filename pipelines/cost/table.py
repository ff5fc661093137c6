"""The account of a campaign as a table for the terminal."""

from rich.box import ROUNDED
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from labelcycle.components.analysis.cost import PARTS, Part, sum_by_part
from labelcycle.components.analysis.savings import IN_WORDS
from labelcycle.components.core.runtime.timings import Used
from labelcycle.pipelines.cost.account import Account, CostComparison, Row

UNKNOWN = "–"
HEADINGS: dict[Part, str] = {
    "precomputation": "embed s",
    "head_training": "train head s",
    "full_training": "train model s",
    "forward": "forward s",
    "selection": "select s",
    "other": "other s",
}


def as_tables(account: Account, compared: bool, width: int) -> list[Table]:
    """One row a cycle: one table, or several where a terminal of this width has no room for it.

    Parts of the computing that no cycle has used any time on are left out.
    """
    title = f"{account.campaign.identifier} · {account.campaign.recipe.name}"
    cycle, *costs = _costs(account)
    seconds, random = _seconds(account), _random(account) if compared else []
    together = _table(title, [cycle, *costs[:3], *seconds, *costs[3:], *random])
    console = Console(width=UNBOUNDED)
    if Measurement.get(console, console.options, together).maximum <= width:
        return [together]
    parts = {title: costs, "beside the random campaign": random, "seconds of each cycle": seconds}
    return [_table(heading, [cycle, *columns]) for heading, columns in parts.items() if columns]


UNBOUNDED = 10_000
"""Columns of a terminal on which every table has room."""

Column = tuple[str, list[str]]
"""A heading, and the text of each row."""


def _table(title: str, columns: list[Column]) -> Table:
    table = Table(title=title, box=ROUNDED, pad_edge=False)
    for heading, _ in columns:
        table.add_column(heading, justify="right")
    for row in zip(*(texts for _, texts in columns), strict=True):
        table.add_row(*row)
    return table


def _costs(account: Account) -> list[Column]:
    """The cycles and what they cost."""
    rows = account.rows
    return [
        ("cycle", [_cycle(row) for row in rows]),
        ("labels", [UNKNOWN if row.labels is None else str(row.labels) for row in rows]),
        ("accuracy", [UNKNOWN if row.accuracy is None else f"{row.accuracy:.4f}" for row in rows]),
        ("label cost", [_money(row.cost.label_cost) for row in rows]),
        ("compute cost", [_money(row.cost.compute_cost) for row in rows]),
        ("overall cost", [_money(row.cost.overall_cost) for row in rows]),
    ]


def _random(account: Account) -> list[Column]:
    """What random picks would have taken."""
    texts = zip(*(_compared(row) for row in account.rows), strict=True)
    return list(zip(("random labels", "saved", "cost by random"), map(list, texts), strict=True))


def _seconds(account: Account) -> list[Column]:
    rows = account.rows
    columns = [
        (HEADINGS[part], [f"{row.cost.used[part].wall_seconds:,.1f}" for row in rows]) for part in _parts(account)
    ]
    columns.append(("CPU s", [f"{row.cost.total.cpu_seconds:,.1f}" for row in rows]))
    if any(row.cost.total.gpu_seconds > 0 for row in rows):
        columns.append(("GPU s", [f"{row.cost.total.gpu_seconds:,.1f}" for row in rows]))
    return columns


def notes(account: Account, comparison: CostComparison | None) -> list[str]:
    """What it comes to, and how to read the table."""
    last, prices = account.rows[-1].cost, account.prices
    total = sum(sum_by_part(row.cost for row in account.rows).values(), Used())
    lines = [
        f"overall cost {_money(last.overall_cost)} = labels {_money(last.label_cost)} + computing "
        f"{_money(last.compute_cost)}",
        f"computing so far: {total.wall_seconds:,.1f} s on the clock, {total.cpu_seconds:,.1f} CPU s, "
        f"{total.gpu_seconds:,.1f} GPU s",
    ]
    if account.rechecks is not None:
        lines.append(f"of the labels paid for, {account.rechecks.in_words}")
    if comparison is not None:
        lines.append(_average(comparison))
    lines.append(
        f"costs run up from cycle to cycle; a label costs {prices.label:g} × {prices.annotators_per_label}, a CPU hour "
        f"{prices.cpu_hour:g}, a GPU hour {prices.gpu_hour:g}; seconds by part are those of each cycle on the clock"
    )
    if account.earlier:
        cycles = "1 cycle is" if account.earlier == 1 else f"{account.earlier} cycles are"
        lines.append(f"prices were amended: {cycles} reckoned at the prices that were in force then")
    missing = [str(row.cycle) for row in account.rows if not row.recorded]
    if missing:
        lines.append(f"no seconds are recorded for: {', '.join(missing)}; their computing is not in the costs")
    return lines


def _parts(account: Account) -> list[Part]:
    together = sum_by_part(row.cost for row in account.rows)
    return [part for part in PARTS if together[part].wall_seconds > 0]


def _cycle(row: Row) -> str:
    return f"{row.cycle}" + (" (under way)" if row.under_way else " (final)" if row.final else "")


def _money(amount: float) -> str:
    return "<0.01" if 0 < amount < 0.005 else f"{amount:,.2f}"


def _compared(row: Row) -> list[str]:
    if row.compared is None:
        return [UNKNOWN] * 3
    saving = row.compared.saving
    figures = f"{saving.equivalent_labels:,.0f}", f"{saving.ratio:.1%}", _money(row.compared.cost)
    return [f"{saving.sign}{figure}" for figure in figures]


def _average(comparison: CostComparison) -> str:
    average, campaign = comparison.average, comparison.random.campaign
    name = f"{campaign.identifier} ({campaign.recipe.selector.strategy})"
    if average is None:
        return f"saved against {name}: nothing can be said before a cycle has trained on labels that the strategy chose"
    text = f"saved against {name}: {IN_WORDS[average.sign]}{average.ratio:.1%} of the labels on average over the cycles"
    if average.censored_share:
        text += f"; {average.censored_share:.0%} of the cycles have an accuracy that it never has, ≥ and ≤ mark bounds"
    return text
