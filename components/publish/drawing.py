"""Everything that people look at of a trained cycle: its figures and its report."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.campaign import sample_uris
from labelcycle.components.core.state import CycleSummary
from labelcycle.components.publish.calibration_diagram import draw_calibration
from labelcycle.components.publish.cards import query_cards
from labelcycle.components.publish.confusion import draw_confusion
from labelcycle.components.publish.contact_sheet import draw_contact_sheet
from labelcycle.components.publish.cost_curve import draw_cost
from labelcycle.components.publish.feature_map import draw_feature_map
from labelcycle.components.publish.learning_curve import draw_learning_curve
from labelcycle.components.publish.map_points import map_points
from labelcycle.components.publish.report import Report, render_report
from labelcycle.components.publish.thumbnails import read_thumbnails

MOST_THUMBNAILS = 48


@dataclass(frozen=True)
class Drawn:
    """PNG bytes by name, and the page."""

    images: dict[str, bytes]
    page: str


def draw_cycle(work: Attempt, metrics: dict[str, Any], query: pa.Table, summaries: list[CycleSummary]) -> Drawn:
    """Figures and report of a trained cycle.

    Args:
        work: the attempt.
        metrics: its `metrics.json`.
        query: the query that is committed, best pick first.
        summaries: every trained cycle so far, this one last.

    Returns:
        `learning_curve`, `cost` and `confusion_matrix` always; `calibration` where evaluate measured it, `feature_map`
        where a feature space holds the samples, `contact_sheet` where the query has images.
    """
    campaign, asked = work.campaign, query["sample_id"].to_pylist()
    thumbnails = read_thumbnails(asked[:MOST_THUMBNAILS], sample_uris(work.store, campaign) if asked else {})
    points = map_points(work, asked)
    drawn = {
        "learning_curve": draw_learning_curve(summaries, metrics.get("random")),
        "cost": draw_cost(summaries, metrics.get("forecast"), campaign.prices, campaign.budget),
        "confusion_matrix": draw_confusion(metrics["confusion"], campaign.classes),
        "calibration": draw_calibration(metrics["reliability"]) if "reliability" in metrics else None,
        "feature_map": None if points is None else draw_feature_map(points),
        "contact_sheet": draw_contact_sheet(query, thumbnails),
    }
    images = {name: image for name, image in drawn.items() if image is not None}
    previous = work.previous_json("metrics")
    cards = query_cards(query, thumbnails)
    return Drawn(images, render_report(Report(campaign, summaries, metrics, query, images, cards, previous)))
