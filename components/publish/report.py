"""The cycle's report: one HTML page that needs nothing beside itself."""

import base64
from dataclasses import dataclass, field
from typing import Any

import jinja2
import pyarrow as pa

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.state import CycleSummary
from labelcycle.components.publish.alignment_table import alignment_table
from labelcycle.components.publish.cards import Card
from labelcycle.components.publish.changes import changes, ratio
from labelcycle.components.publish.class_tables import mistakes, worst_first
from labelcycle.components.publish.decision_words import decision_words
from labelcycle.components.publish.headlines import headlines
from labelcycle.components.publish.outlook_words import forecast_targets, forecast_words, saving_words

IN_THE_PAGE = ("learning_curve", "cost", "confusion_matrix", "calibration", "feature_map")
"""Images that the page shows; the contact sheet is there as cards."""


@dataclass(frozen=True)
class Report:
    """What the report tells.

    Attributes:
        campaign: the campaign.
        summaries: every trained cycle so far, in order; the last is the cycle reported on.
        metrics: that cycle's `metrics.json`; what earlier versions did not write is not shown.
        query: rows of `QUERY`, best pick first.
        images: PNG bytes by name; learning_curve and confusion_matrix are always there.
        cards: the first picks with their thumbnails; none where they have no images.
        previous: `metrics.json` of the trained cycle before; None where there is none.
    """

    campaign: Campaign
    summaries: list[CycleSummary]
    metrics: dict[str, Any]
    query: pa.Table
    images: dict[str, bytes]
    cards: list[Card] = field(default_factory=list)
    previous: dict[str, Any] | None = None


def render_report(report: Report) -> str:
    """One HTML page with its images inside: no script, no other resource; the same text for the same report."""
    campaign, metrics = report.campaign, report.metrics
    picks = sorted(report.query.to_pylist(), key=lambda pick: int(pick["rank"]))
    final = report.summaries[-1].final
    before = report.summaries[-2] if len(report.summaries) > 1 else None
    forecast = metrics.get("forecast")
    return _template().render(
        campaign=campaign,
        metrics=metrics,
        training=metrics["training"],
        decision=decision_words(campaign, metrics, report.summaries[-1], len(picks)),
        outstanding=report.summaries[-1].outstanding,
        headlines=headlines(metrics, before, campaign.prices),
        changes=changes(metrics, before, report.previous),
        cycles=_cycles(report),
        saving=saving_words(metrics.get("random")),
        forecast=None if forecast is None else forecast_words(forecast),
        targets=[] if forecast is None else forecast_targets(forecast),
        classes=worst_first(metrics["classes"]),
        mistakes=mistakes(metrics["confusion"], campaign.classes),
        picks=picks,
        cards=report.cards,
        explored=sum(pick["explore"] is True for pick in picks),
        second_opinions=sum((pick.get("opinion") or 1) > 1 for pick in picks),
        final=final,
        alignment=alignment_table(metrics.get("alignment")),
        images={name: _data_uri(report.images[name]) for name in IN_THE_PAGE if name in report.images},
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("labelcycle.components.publish", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    environment.filters["count"] = _count
    return environment.get_template("report.html.j2")


def _percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{share:.{digits}%}"


def _count(number: int) -> str:
    return f"{number:,}"


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _cycles(report: Report) -> list[dict[str, Any]]:
    """One row a cycle, the last first, with what its query turned out to be worth.

    The worth of the query before this cycle comes from this cycle's own metrics, since no commit has it yet.
    """
    worth = {summary.cycle: (summary.unknown, summary.known) for summary in report.summaries}
    previous = report.metrics["previous_query"]
    if previous is not None:
        worth[report.metrics["cycle"] - 1] = (previous["unknown"], previous["known"])
    worth[report.metrics["cycle"]] = (None, None)
    return [{"summary": summary, "worth": ratio(*worth[summary.cycle])} for summary in reversed(report.summaries)]
