"""The account of a campaign as a table for the terminal."""

from rich.box import ROUNDED
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


def as_table(account: Account, compared: bool) -> Table:
    """One row a cycle; parts of the computing that no cycle has used any time on are left out."""
    shown, gpu = _parts(account), _uses_gpu(account)
    table = Table(title=f"{account.campaign.identifier} · {account.campaign.recipe.name}", box=ROUNDED, pad_edge=False)
    headings = ["cycle", "labels", "accuracy", "label cost", *(HEADINGS[part] for part in shown), "CPU s"]
    headings += [*(["GPU s"] if gpu else []), "compute cost", "overall cost"]
    headings += ["random labels", "saved", "cost by random"] if compared else []
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in account.rows:
        table.add_row(*_texts(row, shown, gpu), *(_compared(row) if compared else []))
    return table


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
    if comparison is not None:
        lines.append(_average(comparison))
    lines.append(
        f"costs run up from cycle to cycle; a label costs {prices.label:g} × {prices.annotators_per_label}, a CPU hour "
        f"{prices.cpu_hour:g}, a GPU hour {prices.gpu_hour:g}; seconds by part are those of each cycle on the clock"
    )
    missing = [str(row.cycle) for row in account.rows if not row.recorded]
    if missing:
        lines.append(f"no seconds are recorded for: {', '.join(missing)}; their computing is not in the costs")
    return lines


def _parts(account: Account) -> list[Part]:
    together = sum_by_part(row.cost for row in account.rows)
    return [part for part in PARTS if together[part].wall_seconds > 0]


def _uses_gpu(account: Account) -> bool:
    return any(row.cost.total.gpu_seconds > 0 for row in account.rows)


def _texts(row: Row, shown: list[Part], gpu: bool) -> list[str]:
    cost, total = row.cost, row.cost.total
    mark = " (under way)" if row.under_way else " (final)" if row.final else ""
    return [
        f"{row.cycle}{mark}",
        UNKNOWN if row.labels is None else str(row.labels),
        UNKNOWN if row.accuracy is None else f"{row.accuracy:.4f}",
        _money(cost.label_cost),
        *(f"{cost.used[part].wall_seconds:,.1f}" for part in shown),
        f"{total.cpu_seconds:,.1f}",
        *([f"{total.gpu_seconds:,.1f}"] if gpu else []),
        _money(cost.compute_cost),
        _money(cost.overall_cost),
    ]


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
