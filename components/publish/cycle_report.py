"""The cycle's report: one HTML page that needs nothing beside itself, and the figures that go with it."""

import base64
import functools
from dataclasses import dataclass, field

import jinja2
import pyarrow as pa

from labelcycle.components.analysis.labels_by_class import class_warnings
from labelcycle.components.analysis.verdict import verdict_of
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.cycle_metrics import MISTAKEN, CycleMetrics, MistakenSamples
from labelcycle.components.core.campaign.estimate import AccuracyEstimate
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.price_history import LabelPrices
from labelcycle.components.core.campaign.queries import picks_of
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.publish.charts import draw_calibration, draw_confusion
from labelcycle.components.publish.feature_map import draw_feature_map, map_points
from labelcycle.components.publish.learning_curves import draw_learning_curve
from labelcycle.components.publish.query_thumbnails import Card, draw_contact_sheet, query_cards, read_thumbnails
from labelcycle.components.publish.report_tables import alignment_table, changes, mistakes, ratio, worst_first
from labelcycle.components.publish.report_text import (
    class_words,
    correction_words,
    forecast_targets,
    forecast_words,
    headlines,
    misfit_words,
    saving_words,
    testing_words,
)
from labelcycle.components.publish.sample_pictures import SamplePicture, pictured_samples, sample_pictures

IN_THE_PAGE = ("learning_curve", "confusion_matrix", "calibration", "feature_map")
"""Images that the page shows; the contact sheet is there as cards."""


@dataclass(frozen=True)
class Report:
    """What the report shows.

    Attributes:
        campaign: the campaign.
        summaries: every trained cycle so far, in order; the last is the cycle reported on.
        metrics: that cycle's; what earlier versions did not write is not shown.
        query: rows of `QUERY`, best pick first.
        images: PNG bytes by name; learning_curve is always there, confusion_matrix where there are test samples.
        cards: the first picks with their thumbnails; none where they have no images.
        previous: metrics of the trained cycle before; None where there is none.
        prices: of the answers so far, where they were amended; None for the campaign's.
        pictures: of label suspects and of what the model confuses, by id; none where samples have no images.
    """

    campaign: Campaign
    summaries: list[CycleSummary]
    metrics: CycleMetrics
    query: pa.Table
    images: dict[str, bytes]
    cards: list[Card] = field(default_factory=list)
    previous: CycleMetrics | None = None
    prices: LabelPrices | None = None
    pictures: dict[str, SamplePicture] = field(default_factory=dict)


def render_report(report: Report) -> str:
    """One HTML page with its images inside: no script, no other resource; the same text for the same report."""
    campaign, metrics = report.campaign, report.metrics
    picks = sorted(picks_of(report.query), key=lambda pick: pick.rank)
    final = report.summaries[-1].final
    before = report.summaries[-2] if len(report.summaries) > 1 else None
    forecast, class_changes = metrics.forecast, _class_words(report)
    aligned = campaign.recipe.alignment
    return _template().render(
        campaign=campaign,
        metrics=metrics,
        training=metrics.training,
        verdict=verdict_of(campaign, metrics, report.summaries[-1], len(picks)),
        outstanding=report.summaries[-1].outstanding,
        headlines=headlines(metrics, before, report.prices or campaign.prices),
        testing=class_changes
        + correction_words(metrics, bool(class_changes))
        + testing_words(metrics, before, campaign.test_from_budget)
        + class_warnings(metrics.labels_by_class or {}, campaign.recipe),
        labels_by_class=metrics.labels_by_class or {},
        estimates=any(isinstance(summary.estimate, AccuracyEstimate) for summary in report.summaries),
        changes=changes(metrics, before, report.previous, campaign.class_of),
        cycles=_cycles(report),
        saving=saving_words(metrics.random),
        forecast=None if forecast is None else forecast_words(forecast),
        misfit="" if final else misfit_words(forecast, metrics.accuracy),
        targets=[] if forecast is None else forecast_targets(forecast),
        classes=worst_first(metrics.classes),
        mistakes=mistakes(metrics.confusion, campaign.classes),
        confused=(metrics.confused or []) if report.pictures else [],
        pictures=report.pictures,
        picks=picks,
        cards=report.cards,
        explored=sum(pick.explore is True for pick in picks),
        second_opinions=sum(pick.opinion > 1 and not pick.recheck for pick in picks),
        rechecks=sum(pick.recheck for pick in picks),
        final=final,
        alignment=alignment_table(metrics.alignment, aligned is None or aligned.feature_alignment),
        images={name: _data_uri(report.images[name]) for name in IN_THE_PAGE if name in report.images},
    )


def _class_words(report: Report) -> list[str]:
    """What became of the classes since the trained cycle before, in a sentence; none where they are the same."""
    if report.previous is None or not report.campaign.is_amended:
        return []
    before = [one.name for one in report.previous.classes]
    return class_words(before, report.campaign.classes, report.campaign.class_of, report.metrics.remeasured is not None)


@functools.cache
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


@dataclass(frozen=True)
class CycleRow:
    """A cycle, and what its query turned out to be worth, in words."""

    summary: CycleSummary
    worth: str


def _cycles(report: Report) -> list[CycleRow]:
    """One row a cycle, the last first, with what its query turned out to be worth.

    The worth of the query before this cycle comes from this cycle's own metrics, since no commit has it yet.
    """
    worth = {summary.cycle: (summary.unknown, summary.known) for summary in report.summaries}
    previous = report.metrics.previous_query
    if previous is not None:
        worth[report.metrics.cycle - 1] = (previous.unknown, previous.known)
    worth[report.metrics.cycle] = (None, None)
    return [CycleRow(summary, ratio(*worth[summary.cycle])) for summary in reversed(report.summaries)]


MOST_THUMBNAILS = 48


@dataclass(frozen=True)
class Drawn:
    """PNG bytes by name, the page, and image addresses by id: of the query and of the other samples that are shown."""

    images: dict[str, bytes]
    page: str
    uris: dict[str, str | None]


def draw_cycle(
    work: Attempt, metrics: CycleMetrics, query: pa.Table, summaries: list[CycleSummary], prices: LabelPrices
) -> Drawn:
    """Figures and report of a trained cycle.

    Args:
        work: the attempt.
        metrics: what was measured.
        query: the query that is committed, best pick first.
        summaries: every trained cycle so far, this one last.
        prices: of the answers so far and of those to come.

    Returns:
        `learning_curve` always; `confusion_matrix` and `calibration` where a test set measured what they show,
        `feature_map` where a feature space holds the samples, `contact_sheet` where the query has images.
    """
    campaign, asked = work.campaign, query["sample_id"].to_pylist()
    pictured = pictured_samples(metrics)
    uris = sample_uris(work.store, campaign, [*asked, *pictured]) if asked or pictured else {}
    thumbnails = read_thumbnails(asked[:MOST_THUMBNAILS], uris)
    points = map_points(work, asked, _mistaken(work, metrics))
    drawn = {
        "learning_curve": draw_learning_curve(summaries, metrics.random, metrics.forecast, campaign.budget),
        "confusion_matrix": draw_confusion(metrics.confusion, campaign.classes) if metrics.test_samples else None,
        "calibration": None if not metrics.reliability else draw_calibration(metrics.reliability),
        "feature_map": None if points is None else draw_feature_map(points),
        "contact_sheet": draw_contact_sheet(query, thumbnails),
    }
    images = {name: image for name, image in drawn.items() if image is not None}
    previous = work.previous_record("metrics", CycleMetrics)
    cards = query_cards(query, thumbnails)
    pictures = sample_pictures(pictured, uris)
    page = render_report(Report(campaign, summaries, metrics, query, images, cards, previous, prices, pictures))
    return Drawn(images, page, uris)


def _mistaken(work: Attempt, metrics: CycleMetrics) -> list[str]:
    """Test samples that the model mistakes; none where an earlier version evaluated this attempt, which kept none."""
    return [] if metrics.mistaken is None else work.read_record(MISTAKEN, MistakenSamples).sample_ids
