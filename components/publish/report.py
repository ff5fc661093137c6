"""The cycle's report: one HTML page that needs nothing beside itself."""

import base64
from dataclasses import dataclass
from typing import Any

import jinja2
import pyarrow as pa

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.state import CycleSummary
from labelcycle.components.publish.alignment_table import alignment_table

LISTED_PICKS = 20
LISTED_MISTAKES = 10


@dataclass(frozen=True)
class Report:
    """What the report tells.

    Attributes:
        campaign: the campaign.
        summaries: every trained cycle so far, in order; the last is the cycle reported on.
        metrics: that cycle's `metrics.json`.
        query: rows of `QUERY`, best pick first.
        images: PNG bytes by name: learning_curve, confusion_matrix and, where the query has images, contact_sheet.
    """

    campaign: Campaign
    summaries: list[CycleSummary]
    metrics: dict[str, Any]
    query: pa.Table
    images: dict[str, bytes]


@dataclass(frozen=True)
class Headline:
    """One figure at the top: its name, value, and change since the cycle before, where there is one."""

    name: str
    value: str
    change: str
    direction: str


def render_report(report: Report) -> str:
    """One HTML page with its images inside: no script, no other resource; the same text for the same report."""
    metrics = report.metrics
    shown = sorted(report.query.to_pylist(), key=lambda pick: int(pick["rank"]))[:LISTED_PICKS]
    return _template().render(
        campaign=report.campaign,
        metrics=metrics,
        training=metrics["training"],
        headlines=_headlines(report),
        cycles=_cycles(report),
        classes=_worst_first(metrics["classes"]),
        mistakes=_mistakes(metrics["confusion"], report.campaign.classes),
        picks=shown,
        query_size=report.query.num_rows,
        explored=report.query["explore"].to_pylist().count(True),
        final=report.summaries[-1].final,
        alignment=alignment_table(metrics.get("alignment")),
        images={name: _data_uri(data) for name, data in report.images.items()},
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("labelcycle.components.publish", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    return environment.get_template("report.html.j2")


def _percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{share:.{digits}%}"


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _headlines(report: Report) -> list[Headline]:
    """The cycle's figures; each with its change, and whether that is for the better or the worse."""
    metrics = report.metrics
    before = report.summaries[-2] if len(report.summaries) > 1 else None
    price = report.campaign.prices.label * report.campaign.prices.annotators_per_label
    spent = None if before is None else metrics["label_cost"] - before.answers * price
    accuracy, macro_f1, ece = (before.accuracy, before.macro_f1, before.ece) if before else (None, None, None)
    return [
        _headline("Accuracy", metrics["accuracy"], accuracy, higher_is_better=True),
        _headline("Macro F1", metrics["macro_f1"], macro_f1, higher_is_better=True),
        _headline("Calibration error (ECE)", metrics["ece"], ece, higher_is_better=False),
        Headline("Label cost", f"{metrics['label_cost']:,.2f}", "" if spent is None else f"{spent:+,.2f}", "same"),
    ]


def _headline(name: str, now: float, before: float | None, higher_is_better: bool) -> Headline:
    if before is None:
        return Headline(name, _percent(now), "", "same")
    points = round(100 * (now - before), 1)
    better = points > 0 if higher_is_better else points < 0
    direction = "same" if points == 0 else "better" if better else "worse"
    return Headline(name, _percent(now), f"{points + 0.0:+.1f} points", direction)


def _cycles(report: Report) -> list[dict[str, Any]]:
    """One row a cycle, the last first, with what its query turned out to be worth.

    The worth of the query before this cycle comes from this cycle's own metrics, since no commit has it yet.
    """
    worth = {summary.cycle: (summary.unknown, summary.known) for summary in report.summaries}
    previous = report.metrics["previous_query"]
    if previous is not None:
        worth[report.metrics["cycle"] - 1] = (previous["unknown"], previous["known"])
    worth[report.metrics["cycle"]] = (None, None)
    return [{"summary": summary, "worth": _ratio(*worth[summary.cycle])} for summary in reversed(report.summaries)]


def _ratio(unknown: int | None, known: int | None) -> str:
    if unknown is None or known is None or unknown + known == 0:
        return "–"
    return f"{unknown}:{known}" + (f" = {unknown / known:.2f}" if known else "")


def _worst_first(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Classes by rising F1, then name; those that the test set lacks come last."""
    return sorted(classes, key=lambda figures: (figures["support"] == 0, figures["f1"], figures["name"]))


def _mistakes(confusion: list[list[int]], classes: list[str]) -> list[dict[str, Any]]:
    """The most frequent mistakes, most frequent first: true class, predicted class, count, share of the true class."""
    found = [
        (-count, row, column)
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return [
        {"true": classes[row], "predicted": classes[column], "count": -count, "share": -count / sum(confusion[row])}
        for count, row, column in sorted(found)[:LISTED_MISTAKES]
    ]
