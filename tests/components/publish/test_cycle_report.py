"""The report: complete, self-contained, safe against any name, and always the same page."""

import base64
import dataclasses
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from labelcycle.components.core.campaign.campaign import Campaign, validated_campaign
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.queries import picks_of
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.core.storage.tables import QUERY, with_schema
from labelcycle.components.evaluate.confused_pairs import MOST_DRAWN
from labelcycle.components.publish.charts import draw_confusion
from labelcycle.components.publish.cycle_report import Report, render_report
from labelcycle.components.publish.feature_map import MOST, MapPoints, draw_feature_map
from labelcycle.components.publish.query_thumbnails import Card, Thumbnail, query_cards
from labelcycle.components.publish.report_tables import QUANTITIES
from labelcycle.components.publish.sample_pictures import SamplePicture, pictured_samples, sample_pictures
from labelcycle.pipelines.amending.erased_content import shows

pytestmark = pytest.mark.draws

SCRIPT = "<script>alert(1)</script>"
HOSTILE_ID = '"><img src=x onerror=alert(2)>'
SOMEWHERE = ObjectReference(key="somewhere", sha256="0" * 64)
JPEG = "data:image/jpeg;base64,QUJD"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser would make of the page: tags, attributes, text and tables; refuses tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.tables: list[list[list[str]]] = []
        self.scrolling_tables = 0
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
            assert self.open[-1] == "div" and self.attributes[-2][1]["class"] == "scroll"
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += f"{data} "
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    def table(self, first_heading: str) -> list[list[str]]:
        """Rows, without the headings, of the table that starts with this heading."""
        (found,) = [rows for rows in self.tables if rows[0][0] == first_heading]
        return found[1:]


def campaign(**changes: Any) -> Campaign:
    recipe = Recipe.model_validate(
        {
            "name": "linear_probe",
            "summary": "Entropy on frozen features.",
            "source": "A paper",
            "cost": "little",
            "trainer": {"name": "linear"},
            "selector": {"strategy": "entropy"},
        }
    )
    settings: dict[str, Any] = {
        "name": "birds",
        "classes": ["crow", "gull", SCRIPT, "absent"],
        "recipe": recipe,
        "budget": 400,
        "batch": 40,
        "initial": 40,
        "seed": 1,
        "prices": {"label": 0.5, "annotators_per_label": 2},
        "backbone": None,
        "base_space": "base-space",
        "labels_from": None,
        **{table: SOMEWHERE for table in ("pool", "truth", "quarantine") if table in Campaign.model_fields},
    }
    return validated_campaign(**settings | changes)


def class_figures(name: str, f1: float, support: int) -> dict[str, Any]:
    return {"name": name, "precision": f1, "recall": f1, "f1": f1, "support": support}


METRICS: dict[str, Any] = {
    "cycle": 2,
    "labels": 80,
    "answers": 83,
    "label_cost": 83.0,
    "space": "space-of-cycle-2",
    "training": {
        "space": "space-of-cycle-2",
        "adapter_sha256": None,
        "labelled": 80,
        "epochs": 37,
        "learning_rate": 0.0025,
        "loss": 0.23456,
        "validation_accuracy": None,
        "trainable_parameters": 304_810,
        "total_parameters": 86_400_000,
        "trainable_share": 304_810 / 86_400_000,
    },
    "previous_query": {"known": 16, "unknown": 24, "known_unknown_ratio": 1.5},
    "accuracy": 0.712,
    "macro_f1": 0.654,
    "ece": 0.087,
    "test_samples": 1234,
    "classes": [
        class_figures("crow", 0.9, 10),
        class_figures("gull", 0.3, 10),
        class_figures(SCRIPT, 0.6, 10),
        class_figures("absent", 0.0, 0),
    ],
    "confusion": [[9, 1, 0, 0], [7, 3, 0, 0], [0, 4, 6, 0], [0, 0, 0, 0]],
}


def summary(cycle: int, labels: int, accuracy: float, macro_f1: float, ece: float, **worth: Any) -> CycleSummary:
    return CycleSummary(
        cycle=cycle,
        labels=labels,
        answers=labels + 3,
        accuracy=accuracy,
        macro_f1=macro_f1,
        ece=ece,
        space="space",
        query_size=40,
        **worth,
    )


def person(name: str, **figures: Any) -> dict[str, Any]:
    """An annotator's figures."""
    zero = dict.fromkeys(("votes", "classes", "skips", "unsure", "compared", "predicted"), 0)
    return {"annotator": name, **zero, "agreement": None, "model_agreement": None, **figures}


REVIEW: dict[str, Any] = {
    "reliability": [{"low": 0.4, "high": 0.5, "count": 7, "confidence": 0.45, "accuracy": 0.4}],
    "random": {
        "labels": [40, 80, 120],
        "accuracy": [0.5, 0.6, 0.712],
        "equivalent_labels": 120.0,
        "ratio": 1 / 3,
        "sign": "≥",
        "average": {"ratio": 0.25, "sign": "~", "censored_share": 0.5},
    },
    "forecast": {
        "reason": None,
        "share": 0.8,
        "ceiling": 0.9,
        "curve": [
            {"answers": 83, "cost": 83.0, "accuracy": 0.71, "low": 0.7, "high": 0.72},
            {"answers": 400, "cost": 400.0, "accuracy": 0.85, "low": 0.81, "high": 0.88},
        ],
        "targets": [
            {"accuracy": 0.75, "answers": 120, "low": 100, "high": 160}
            | {"answers_cost": 120.0, "low_cost": 100.0, "high_cost": 160.0},
            {"accuracy": 0.8, "answers": 300, "low": 220, "high": None}
            | {"answers_cost": 300.0, "low_cost": 220.0, "high_cost": None},
            {"accuracy": 0.85, "answers": None, "low": 700, "high": None}
            | {"answers_cost": None, "low_cost": 700.0, "high_cost": None},
            {"accuracy": 0.9, "answers": None, "low": None, "high": None}
            | {"answers_cost": None, "low_cost": None, "high_cost": None},
        ],
    },
    "annotators": {
        "votes": 100,
        "samples": 83,
        "several": 17,
        "alpha": 0.61234,
        "people": [
            person("mara", votes=60, skips=2, compared=17, agreement=0.9, predicted=50, model_agreement=0.5),
            person(SCRIPT, votes=39, unsure=1),
            person("", votes=1),
        ],
        "pairs": [{"first": "mara", "second": SCRIPT, "shared": 17, "agreement": 0.75}],
    },
    "disputed": {
        "count": 3,
        "rows": [
            {"sample_id": HOSTILE_ID, "votes": [["crow", 1], [SCRIPT, 1]], "label": None, "agreement": 0.5},
            {"sample_id": "sample-9", "votes": [["crow", 2], ["gull", 1]], "label": "crow", "agreement": 2 / 3},
        ],
    },
    "label_suspects": {
        "found": 2,
        "judged": 80,
        "reason": None,
        "rows": [
            {"sample_id": HOSTILE_ID, "label": SCRIPT, "suggested": "gull", "quality": 0.01}
            | {"label_confidence": 0.012, "suggested_confidence": 0.9}
        ],
    },
}
"""What evaluate adds for people to review."""

SUMMARIES = [summary(1, 40, 0.612, 0.66, 0.08), summary(2, 80, 0.712, 0.654, 0.087)]


def query(count: int) -> pa.Table:
    table = pa.table(
        {
            "sample_id": [HOSTILE_ID, *(f"sample-{number}" for number in range(1, count))][:count],
            "rank": list(range(1, count + 1)),
            "score": [0.5] * count,
            "reason": ["entropy 1.234"] * count,
            "cluster": [None] * count,
            "predicted": [SCRIPT, *[None] * (count - 1)][:count],
            "confidence": [0.41, *[None] * (count - 1)][:count],
            "represents": [None] * count,
            "explore": [False] * count,
        }
    )
    return with_schema(table, QUERY)


def report(**changes: Any) -> Report:
    images = {"learning_curve": b"curve", "confusion_matrix": b"matrix", "contact_sheet": b"not in the page"}
    for name in ("metrics", "previous"):
        if name in changes:
            changes[name] = CycleMetrics.model_validate(changes[name])
    found = CycleMetrics.model_validate(METRICS)
    return dataclasses.replace(Report(campaign(), SUMMARIES, found, query(30), images), **changes)


def full_report(**changes: Any) -> Report:
    """With everything that a report may have, and a hostile name wherever people or files give one."""
    figures = ("learning_curve", "confusion_matrix", "calibration", "feature_map", "contact_sheet")
    picks = picks_of(query(30))
    cards = [Card(picks[0], "data:image/jpeg;base64,AAAA", ""), Card(picks[1], "", SCRIPT)]
    everything = {
        "metrics": METRICS | REVIEW,
        "images": {name: name.encode() for name in figures},
        "cards": cards,
        "previous": METRICS | {"classes": [class_figures("crow", 0.8, 10), class_figures(SCRIPT, 0.7, 10)]},
    }
    return report(**everything | changes)


def words(html: str) -> str:
    return " ".join(Page(html).text.split())


@pytest.mark.parametrize(("explored", "told"), [(0, ""), (12, "; 12 of them drawn at random"), (None, "")])
def test_the_share_drawn_at_random_is_told(explored: int | None, told: str) -> None:
    """Queries of earlier versions do not say; they had no such share."""
    drawn = [None] * 30 if explored is None else [False] * (30 - explored) + [True] * explored
    table = query(30)
    table = table.set_column(table.schema.get_field_index("explore"), "explore", pa.array(drawn, pa.bool_()))
    assert f"30 samples to label, chosen by entropy {told}." in words(render_report(report(query=table)))


def test_the_headline_has_the_figures_and_their_change() -> None:
    text = words(render_report(report()))
    assert "birds: cycle 2" in text and "linear_probe" in text
    assert "83 of 400 labels of the budget spent; 80 of them usable" in text
    assert "Accuracy 71.2% +10.0 points since the previous cycle" in text
    assert "Macro F1 65.4% -0.6 points since the previous cycle" in text
    assert "Calibration error (ECE) 8.7% +0.7 points since the previous cycle" in text
    assert "Label cost 83.00 +40.00 since the previous cycle" in text


def test_each_change_is_marked_better_or_worse() -> None:
    html = render_report(report())
    directions = re.findall(r'<dd class="change (\w+)">([^ ]+)', html)
    assert directions == [("better", "+10.0"), ("worse", "-0.6"), ("worse", "+0.7"), ("same", "+40.00")]


def test_the_first_trained_cycle_has_no_change() -> None:
    html = render_report(report(summaries=SUMMARIES[1:], metrics=METRICS | {"previous_query": None}))
    assert words(html).count("first trained cycle") == 4
    assert "since the previous" not in html


def test_all_cycles_are_listed_with_what_their_query_was_worth() -> None:
    assert Page(render_report(report())).table("Cycle") == [
        ["2", "80", "71.2%", "65.4%", "8.7%", "40", "–"],
        ["1", "40", "61.2%", "66.0%", "8.0%", "40", "24:16 = 1.50"],
    ]


@pytest.mark.parametrize(("known", "unknown", "worth"), [(0, 0, "–"), (0, 5, "5:0"), (4, 0, "0:4 = 0.00")])
def test_a_query_with_nothing_known_has_no_ratio(known: int, unknown: int, worth: str) -> None:
    previous = {"known": known, "unknown": unknown, "known_unknown_ratio": None}
    html = render_report(report(metrics=METRICS | {"previous_query": previous}))
    assert Page(html).table("Cycle")[1][-1] == worth


def test_a_repeated_publish_writes_the_same_page() -> None:
    """Once the cycle is committed, the state knows the last query's worth by itself; the page must not change."""
    known = [summary(1, 40, 0.612, 0.66, 0.08, known=16, unknown=24, known_unknown_ratio=1.5), SUMMARIES[1]]
    assert render_report(report(summaries=known)) == render_report(report())


def test_the_worst_class_comes_first_and_untested_ones_last() -> None:
    rows = Page(render_report(report())).table("Class")
    assert [row[0] for row in rows] == ["gull", SCRIPT, "crow", "absent"]
    assert rows[0] == ["gull", "30.0%", "30.0%", "30.0%", "10"]
    assert rows[-1] == ["absent", "–", "–", "–", "0"]


def test_the_most_frequent_mistakes_come_first() -> None:
    assert Page(render_report(report())).table("True class") == [
        ["gull", "crow", "7", "70.0%"],
        [SCRIPT, "gull", "4", "40.0%"],
        ["crow", "gull", "1", "10.0%"],
    ]


def test_how_the_model_was_trained() -> None:
    text = words(render_report(report()))
    for fact in (
        "Trainable parameters 304,810 of 86,400,000 (0.35%)",
        "Epochs 37",
        "Learning rate 0.0025",
        "Training loss 0.2346",
        "Test samples 1,234",
        "Feature space space-of-cycle-2",
    ):
        assert fact in text
    assert "Validation accuracy" not in text and "Temperature" not in text


def test_validation_accuracy_is_told_where_there_is_one() -> None:
    training = METRICS["training"] | {"validation_accuracy": 0.687}
    assert "Validation accuracy 68.7%" in words(render_report(report(metrics=METRICS | {"training": training})))


def test_a_fitted_temperature_is_told() -> None:
    for temperature, told in ((0.61234, True), (None, False)):
        training = METRICS["training"] | {"temperature": temperature}
        text = words(render_report(report(metrics=METRICS | {"training": training})))
        assert ("Temperature, cross-validated 0.612" in text) is told


def test_images_are_inside_the_page_with_a_description() -> None:
    images = [attributes for tag, attributes in Page(render_report(full_report())).attributes if tag == "img"]
    contents = [str(image["src"]).removeprefix("data:image/png;base64,") for image in images]
    figures = [base64.b64decode(content) for content in contents if not content.startswith("data:")]
    assert figures == [b"learning_curve", b"confusion_matrix", b"calibration", b"feature_map"]
    assert [content for content in contents if content.startswith("data:")] == ["data:image/jpeg;base64,AAAA"]
    assert all(len(str(image["alt"])) > 20 for image in images)


def test_without_images_all_picks_are_listed() -> None:
    html = render_report(report())
    rows = Page(html).table("Rank")
    assert len(rows) == 30
    assert rows[0] == ["1", HOSTILE_ID, SCRIPT, "41%", "0.5", "entropy 1.234"]
    assert rows[1] == ["2", "sample-1", "–", "–", "0.5", "entropy 1.234"]
    assert "30 samples to label" in words(html)


def test_cards_have_prediction_confidence_score_reason_and_name() -> None:
    text = words(render_report(full_report()))
    assert f"#1: {SCRIPT} confidence 41% entropy 1.234 score 0.5 {HOSTILE_ID}" in text
    assert f"{SCRIPT} #2: no prediction entropy 1.234 score 0.5 sample-1" in text
    assert "All 30 by name" in text


def test_second_opinions_are_told() -> None:
    table = query(3)
    table = table.set_column(table.schema.get_field_index("opinion"), "opinion", pa.array([1, 2, None], pa.int32()))
    assert "; 1 of them for a second opinion." in words(render_report(report(query=table)))


def test_an_empty_query_says_that_nothing_more_is_asked() -> None:
    text = words(render_report(report(query=query(0))))
    assert "Nothing more is asked" in text and "samples to label" not in text


def test_what_changed() -> None:
    text = words(render_report(full_report()))
    assert "40 new answers, 40 of them usable." in text
    assert "the model had 24 wrong and 16 right (unknown:known 24:16 = 1.50)" in text
    assert "Classes that gained most (F1): crow 90.0% (+10.0) ." in text
    assert f"Classes that lost most (F1): {SCRIPT} 60.0% (-10.0) ." in text
    assert "People disagree about 3 samples ." in text and "2 labels may be wrong ." in text


def test_the_verdict_comes_first() -> None:
    html = render_report(full_report())
    first = words(html).split("83 of 400 labels of the budget spent")[0]
    assert "Continue The accuracy is 71.2% (68.6% to 73.7% in 95 of 100 cases, from 1,234 test samples)." in first
    assert "317 labels are left of the budget" in first and "What to do next" not in first
    ended = words(render_report(full_report(query=query(0))))
    assert "labelcycle promote ROOT make the model the champion" in ended and "labelcycle export ROOT" in ended


def test_late_answers_are_told() -> None:
    late = [SUMMARIES[0], dataclasses.replace(SUMMARIES[1], outstanding=2)]
    assert "2 samples asked for earlier have no answer yet" in words(render_report(report(summaries=late)))
    assert "no answer yet" not in words(render_report(report()))


def test_savings_cost_and_forecast() -> None:
    html = render_report(full_report())
    text = words(html)
    assert "Labels have cost 83.00 so far, of 400.00 for the whole budget." in text
    assert "With the whole budget, 400 labels for 400.00, the accuracy is expected to be 85.0%, and between" in text
    assert (
        "This accuracy would take at least 120 labels picked at random: at least 33% of the labels are saved." in text
    )
    assert Page(html).table("To reach") == [
        ["75.0%", "120 (100 to 160)", "120.00 (100.00 to 160.00)"],
        ["80.0%", "300 (220 or more)", "300.00 (220.00 or more)"],
        ["85.0%", "at least 700", "at least 700.00"],
        ["90.0%", "out of reach", "out of reach"],
    ]


def test_without_a_random_arm_the_report_says_how_to_get_one() -> None:
    assert "labelcycle backtest ROOT --strategies random --out ROOT/backtest" in words(render_report(report()))
    assert "backtest" not in words(render_report(full_report()))
    recipe = campaign().recipe
    at_random = recipe.model_copy(update={"selector": recipe.selector.model_copy(update={"strategy": "random"})})
    text = words(render_report(report(campaign=campaign(recipe=at_random))))
    assert "This campaign picks at random itself" in text and "backtest" not in text


def test_why_there_is_no_forecast() -> None:
    metrics = METRICS | REVIEW | {"forecast": {"reason": "it is too early"}}
    text = words(render_report(full_report(metrics=metrics)))
    assert "No forecast: it is too early." in text and "To reach" not in text


def test_annotators_pairs_and_disputes() -> None:
    html = render_report(full_report())
    text, page = words(html), Page(html)
    assert "17 of 83 samples have a class from two people or more. Krippendorff's alpha is 0.612" in text
    assert page.table("Annotator") == [
        ["mara", "60", "2", "0", "90.0% of 17", "50.0% of 50"],
        [SCRIPT, "39", "0", "1", "–", "–"],
        ["not named", "1", "0", "0", "–", "–"],
    ]
    assert page.table("One") == [["mara", SCRIPT, "17", "75.0%"]]
    assert page.table("Disputed") == [
        [HOSTILE_ID, f"crow 1×, {SCRIPT} 1×", "undecided"],
        ["sample-9", "crow 2×, gull 1×", "crow"],
    ]
    assert "3 samples have votes for more than one class; these are the 2 with the least agreement." in text


def test_one_vote_a_sample_says_nothing_about_agreement() -> None:
    alone = REVIEW["annotators"] | {"several": 0, "alpha": None, "pairs": []}
    text = words(render_report(full_report(metrics=METRICS | REVIEW | {"annotators": alone})))
    assert "No sample has a class from two people, so nothing can be said" in text
    assert "alpha" not in text


def test_rechecks_are_told() -> None:
    table = query(30)
    for name, values in (("opinion", [2] * 30), ("recheck", [True, True, *[None] * 28])):
        field = QUERY.field(name)
        table = table.set_column(QUERY.get_field_index(name), field, pa.array(values, field.type))
    corrections = [{"sample_id": HOSTILE_ID, "before": "crow", "label": "gull", "cycle": 1}]
    figures = {"asked": 1200, "answered": 1190, "confirmed": 900, "corrected": 280, "corrections": corrections}
    html = render_report(report(query=table, metrics=METRICS | REVIEW | {"rechecks": figures}))
    assert "; 28 of them for a second opinion; 2 of them to check labels that the model doubts." in words(html)
    told = "1,200 labels were asked for again: 900 confirmed, 280 corrected, 10 not answered yet"
    assert words(html).count(told) == 2
    assert Page(html).table("Corrected") == [[HOSTILE_ID, "crow", "gull", "1"]]


def test_labels_a_class_and_classes_without() -> None:
    counts = {"crow": 40, "gull": 3, SCRIPT: 0, "absent": 0}
    html = render_report(report(metrics=METRICS | {"labels_by_class": counts}))
    assert {row[0]: row[2] for row in Page(html).table("Class")} == {name: str(count) for name, count in counts.items()}
    assert "2 classes have no label yet" in words(html) and "from 3 (gull) to 40 (crow)" in words(html)
    untested = {"accuracy": None, "macro_f1": None, "ece": None, "test_samples": 0, "labels_by_class": counts}
    html = render_report(report(metrics=METRICS | untested))
    assert Page(html).table("Class")[0] == ["crow", "40"]


def suspects(*certainties: float | None) -> dict[str, Any]:
    """Metrics with a suspect for each of these, the hostile one first."""
    row = {"label": SCRIPT, "suggested": "gull", "quality": 0.01, "label_confidence": 0.012} | {
        "suggested_confidence": 0.9
    }
    names = [HOSTILE_ID, *(f"suspect-{number}" for number in range(1, len(certainties)))]
    rows = [{"sample_id": name, "certainty": sure, **row} for name, sure in zip(names, certainties, strict=True)]
    return METRICS | REVIEW | {"label_suspects": {"found": 9, "judged": 80, "reason": None, "rows": rows}}


def test_suspects_that_a_calibrated_model_is_sure_of_have_pictures() -> None:
    pictures = {HOSTILE_ID: SamplePicture(JPEG), "suspect-1": SamplePicture("", "cannot be read")}
    html = render_report(full_report(metrics=suspects(0.95, 0.81, 0.5, None), pictures=pictures))
    text = words(html)
    assert "9 of 80 labels stand out" in text and "; 4 are listed" in text and "Of 2 it is sure, calibrated" in text
    assert html.count(f'src="{JPEG}"') == 1 and "cannot be read suspect-1 labelled" in text
    assert f"{HOSTILE_ID} labelled {SCRIPT} , rather gull (95% sure)" in text
    assert [row[0] for row in Page(html).table("Less sure")] == ["suspect-2", "suspect-3"]
    assert "2 that it is less sure of" in text


def test_suspects_without_pictures_are_a_table() -> None:
    html = render_report(full_report(metrics=suspects(0.95, 0.5)))
    assert Page(html).table("Suspect") == [[HOSTILE_ID, f"{SCRIPT} (1%)", "gull (90%)"]]
    assert [row[0] for row in Page(html).table("Less sure")] == ["suspect-1"]
    assert "Of none it is sure once it is calibrated." in words(render_report(full_report(metrics=suspects(0.5))))


def confused(**changes: Any) -> dict[str, Any]:
    pair = {"true": "gull", "predicted": SCRIPT, "count": 7, "sample_id": HOSTILE_ID, "confidence": 0.876}
    return METRICS | REVIEW | {"confused": [pair | {"like": "sample-1"} | changes]}


def test_what_the_model_confuses_is_shown_in_pairs() -> None:
    pictures = {HOSTILE_ID: SamplePicture(JPEG), "sample-1": SamplePicture("", "cannot be read")}
    html = render_report(full_report(metrics=confused(), pictures=pictures))
    assert f"gull taken for {SCRIPT} , 7 times; here with confidence 88%." in words(html)
    assert html.count(f'src="{JPEG}"') == 1 and "cannot be read sample-1" in words(html)
    assert 'href="#confused"' in html
    alone = render_report(full_report(metrics=confused(like=None), pictures=pictures))
    assert "cannot be read" not in words(alone)
    assert "confuses" not in words(render_report(full_report(metrics=confused())))


def test_samples_that_are_shown_are_named_so_that_an_erasure_finds_them() -> None:
    metrics = CycleMetrics.model_validate(confused() | {"label_suspects": suspects(0.9, 0.9, 0.2)["label_suspects"]})
    shown = pictured_samples(metrics)
    assert shown == [HOSTILE_ID, "sample-1", "suspect-1"]
    pictures = {name: SamplePicture(JPEG) for name in shown}
    page = render_report(full_report(metrics=metrics, pictures=pictures)).encode()
    assert all(shows(page, {name: "erased-1"}) for name in shown)


def test_pictures_are_few_bytes(tmp_path: Path) -> None:
    grain(0).save(tmp_path / "sample.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    uris = {"one": str(tmp_path / "sample.png"), "two": str(tmp_path / "broken.png"), "three": uri_of(tmp_path)}
    found = sample_pictures(["one", "two", "three", "four"], uris)
    assert found["one"].image.startswith("data:image/jpeg;base64,") and found["three"].image == found["one"].image
    assert found["two"].problem and found["four"].problem == "no image file"
    few = sample_pictures(["one", "three"], uris, most_bytes=len(found["one"].image))
    assert few["one"].image and few["three"].problem == "left out to keep the page small"
    assert sample_pictures(["four"], uris) == {}


def uri_of(folder: Path) -> str:
    return str(folder / "sample.png")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"reason": "it is too early", "judged": 0}, "None were looked for: it is too early."),
        ({"reason": None, "judged": 80}, "Of 80 labels none stands out."),
    ],
)
def test_no_label_suspects(found: dict[str, Any], told: str) -> None:
    metrics = METRICS | {"label_suspects": {"found": 0, "rows": [], **found}}
    assert told in words(render_report(report(metrics=metrics)))


def test_metrics_of_earlier_versions_are_enough() -> None:
    html = render_report(report())
    for heading in ("Calibration", "Map of the feature space", "The people who label", "Labels that may be wrong"):
        assert f">{heading}</h2>" not in html
        assert f">{heading}</h2>" in render_report(full_report())


def test_every_link_of_the_contents_leads_somewhere() -> None:
    for made in (report(), full_report()):
        page = Page(render_report(made))
        places = {attributes["id"] for _, attributes in page.attributes if "id" in attributes}
        links = [str(attributes["href"]) for _, attributes in page.attributes if "href" in attributes]
        assert len(links) >= 5 and {link.removeprefix("#") for link in links} <= places


def test_a_large_report_stays_small() -> None:
    classes = [f"class of some length, number {number:04d}" for number in range(1000)]
    generator = np.random.default_rng(0)
    confusion = generator.integers(0, 20, (1000, 1000)).tolist()
    many = {"classes": [class_figures(name, 0.5, 10) for name in classes], "confusion": confusion}
    most = MOST | {"wrong": MOST_DRAWN}
    points = MapPoints({kind: generator.normal(size=(count, 2)) for kind, count in most.items()})
    images = dict.fromkeys(("learning_curve", "calibration"), bytes(60_000))
    images |= {"confusion_matrix": draw_confusion(confusion, classes), "feature_map": draw_feature_map(points)}
    cards = query_cards(query(500), {f"sample-{number}": Thumbnail(grain(number)) for number in range(1, 49)})
    page = render_report(
        full_report(
            campaign=campaign(classes=classes),
            metrics=METRICS | REVIEW | many,
            query=query(500),
            images=images,
            cards=cards,
        )
    )
    assert len(cards) == 48 and all(card.image for card in cards)
    assert len(page.encode()) < 3_000_000


def grain(seed: int) -> Image.Image:
    """The worst that a thumbnail can be: pixels that have nothing to do with one another."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (160, 160, 3), dtype=np.uint8))


@pytest.mark.parametrize("make", [report, full_report])
def test_names_are_text_and_never_markup(make: Callable[..., Report]) -> None:
    html = render_report(make())
    assert SCRIPT not in html and "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert HOSTILE_ID not in html and "&lt;img src=x onerror=alert(2)&gt;" in html
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.attributes}
    assert not [name for _, attributes in page.attributes for name in attributes if name.startswith("on")]


def test_the_page_needs_nothing_beside_itself() -> None:
    html = render_report(full_report())
    page = Page(html)
    assert not {tag for tag, _ in page.attributes} & {"script", "link", "iframe", "object", "embed", "base", "form"}
    sources = [attributes[name] for _, attributes in page.attributes for name in ("src", "href") if name in attributes]
    assert sources and all(str(source).startswith(("data:", "#")) for source in sources)
    assert not re.search(r"https?://|url\(|@import", html)
    policy = next(attributes for tag, attributes in page.attributes if "http-equiv" in attributes)
    assert str(policy["content"]).startswith("default-src 'none'")


def test_the_page_suits_phones_and_dark_screens() -> None:
    html = render_report(report())
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert re.search(r"\.scroll \{[^}]*overflow: auto", html)
    assert len(Page(html).tables) == 4 and len(Page(render_report(full_report())).tables) == 9


def test_the_same_report_gives_the_same_page_wherever_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = render_report(report())
    monkeypatch.chdir(tmp_path)
    assert render_report(report()) == first


def test_the_alignment_is_shown_with_its_reason() -> None:
    record = {**dict.fromkeys(QUANTITIES), "update": True, "reason": "little changed", "change": 0.52361}
    record |= {"mode": "absolute", "threshold": 1.0, "updates": 1, "labelled": 80, "width": 16}
    record["tuning"] = {"epochs": 131, "loss": 0.5, "examples": 80}
    page = render_report(report(metrics={**METRICS, "alignment": record}))
    assert '<h2 id="alignment">Alignment</h2>' in page and "Features were recomputed: little changed." in page
    assert "0.5236" in page and "131" in page
    kept = render_report(report(metrics={**METRICS, "alignment": {**record, "update": False}}))
    assert "Features stay as they are" in kept
    assert "Alignment" not in render_report(report())


def test_the_final_model_is_told_apart() -> None:
    final = dataclasses.replace(SUMMARIES[-1], final=True, query_size=0)
    page = render_report(report(summaries=[SUMMARIES[0], final], query=query(0)))
    assert "final model</h1>" in page and "this is the final model" in page and "<td>2 (final)</td>" in page
    assert "(final)" not in render_report(report())


def test_the_trainer_is_the_one_that_trained() -> None:
    training = {**METRICS["training"], "trainer": "lp_ft"}
    assert "<dd>lp_ft</dd>" in render_report(report(metrics={**METRICS, "training": training}))
