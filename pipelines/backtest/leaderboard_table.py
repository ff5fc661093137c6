"""The entries as a table: for the terminal and in Markdown."""

from rich.box import ROUNDED
from rich.table import Table

from labelcycle.pipelines.backtest.leaderboard import SEES_LABELS, Leaderboard, LeaderboardEntry, percent

UNKNOWN = "–"


def rows(found: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """Headings, and one row of texts a strategy, best first."""
    plan = found.plan
    headings = [
        "",
        "strategy",
        f"accuracy at {plan.labels[-1]}",
        "saved",
        "by seed",
        "censored",
        "needs",
        "cost",
        "CPU s",
    ]
    return headings, [_row(number, entry) for number, entry in enumerate(found.entries, 1)]


def _row(number: int, entry: LeaderboardEntry) -> list[str]:
    half_width = entry.accuracy.half_width
    uncertain = "" if half_width is None else f" ± {half_width[-1]:.4f}"
    texts = [
        str(number),
        entry.title + (SEES_LABELS if entry.sees_labels else ""),
        f"{entry.accuracy.mean[-1]:.4f}{uncertain}",
    ]
    saving, cost = entry.saved, entry.cost
    if saving is None or cost is None:
        texts += [UNKNOWN] * 5
    else:
        texts += [
            f"{saving.sign}{percent(saving.ratio)}",
            f"{percent(saving.lowest)} to {percent(saving.highest)}" if entry.seeds > 1 else UNKNOWN,
            percent(saving.censored_share),
            f"{saving.labels_sign}{saving.labels_needed:.0f}",
            f"{saving.labels_sign}{cost.total:.2f}",
        ]
    return [*texts, f"{entry.training_seconds + entry.selection_seconds:.1f}"]


def notes(found: Leaderboard) -> list[str]:
    """How to read the table."""
    plan = found.plan
    lines = [
        "accuracy: mean over the seeds ± half the 95 % confidence interval of that mean (Student's t)",
        "saved: share of labels, mean over the cycles of (N - n) / N, where random needs N labels for the accuracy "
        "that the strategy has with n; below 0 the strategy is worse than random",
        "censored: share of the cycles whose accuracy random never has, so that the saving is known as a bound only",
        f"needs, cost: labels and price of the accuracy that random has with {plan.labels[-1]} labels; "
        f"{_prices(found)}; ≥ at least, ≤ at most, ~ bounds of both kinds",
        "CPU s: processor seconds of training and choosing in a whole arm",
    ]
    if any(entry.sees_labels for entry in found.entries):
        lines.append(
            f"{SEES_LABELS} was given the losses of unlabelled samples, which need their labels: not comparable"
        )
    return lines


def _prices(found: Leaderboard) -> str:
    prices = found.plan.prices
    return f"a label costs {prices.label:g} × {prices.annotators_per_label}, a CPU hour {prices.cpu_hour:g}"


def as_rich(found: Leaderboard) -> Table:
    """For the terminal."""
    headings, body = rows(found)
    plan = found.plan
    sizes = f"{plan.cycles} cycles, {plan.labels[0]} to {plan.labels[-1]} labels"
    title = f"{plan.source}\n{sizes} · {plan.seeds} {'seed' if plan.seeds == 1 else 'seeds'}"
    table = Table(title=title, box=ROUNDED, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 1 else "right", overflow="fold")
    for texts in body:
        table.add_row(*texts)
    return table


def as_markdown(found: Leaderboard) -> str:
    """For files and for platforms that show Markdown."""
    headings, body = rows(found)
    plan = found.plan
    lines = [
        "# Backtest",
        "",
        found.verdict,
        "",
        f"Source: `{plan.source}`. {plan.cycles} cycles from {plan.labels[0]} to {plan.labels[-1]} labels, "
        f"{plan.seeds} {'seed' if plan.seeds == 1 else 'seeds'}.",
        "",
        _line(headings),
        _line(["---:", ":---", *["---:"] * (len(headings) - 2)]),
        *(_line(texts) for texts in body),
        "",
        *(f"- {note}" for note in notes(found)),
    ]
    lines += ["", "Mean accuracy:", "", _line(["labels", *(entry.title for entry in found.entries)])]
    lines.append(_line(["---:"] * (1 + len(found.entries))))
    for number, labels in enumerate(plan.labels):
        means = [f"{entry.accuracy.mean[number]:.4f}" for entry in found.entries]
        lines.append(_line([str(labels), *means]))
    if found.failures:
        lines += ["", "Failed:", "", *(f"- {failure.arm}: {failure.error}" for failure in found.failures)]
    return "\n".join(lines) + "\n"


def _line(texts: list[str]) -> str:
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"
