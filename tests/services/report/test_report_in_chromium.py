"""The report in a real browser: complete, legible to everybody and inside the screen, on desks and phones, by day and
night, and in black and white.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labelcycle.components.core.campaign.cycle_metrics import AccuracyForecast, CycleMetrics
from labelcycle.components.publish.report_text import forecast_words, saving_words
from tests.conftest import Bench
from tests.services.report.conftest import HOSTILE_CLASS, HOSTILE_PERSON

SCREENS = [(width, height, scheme) for width, height in ((1280, 900), (360, 740)) for scheme in ("light", "dark")]
HEADINGS = [
    "What changed",
    "Learning curve",
    "Cost, savings and forecast",
    "Classes, worst first",
    "Confusion matrix",
    "Calibration",
    "The next query",
    "Map of the feature space",
    "The people who label",
    "Labels that may be wrong",
    "How the model was trained",
]
SMALLEST_TEXT = 12

TEXT_SIZES = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const sizes = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    if (text) sizes.push([parseFloat(getComputedStyle(walker.currentNode.parentElement).fontSize), text.slice(0, 40)]);
  }
  return sizes;
}"""
OUTSIDE = """() => [...document.querySelectorAll('body *')].filter(element =>
  !element.closest('.scroll, nav, figure') && element.getBoundingClientRect().right > innerWidth + 1
).map(element => element.outerHTML.slice(0, 80))"""
IMAGES = "() => [...document.images].map(image => [image.complete, image.naturalWidth, image.alt])"
FADED = """() => [...document.querySelectorAll('p, li, td, th, dd, dt')].filter(element => {
  const light = color => { const [r, g, b] = color.match(/[\\d.]+/g).map(Number); return .2126*r + .7152*g + .0722*b; };
  return Math.abs(light(getComputedStyle(element).color) - light(getComputedStyle(document.body).backgroundColor)) < 60;
}).map(element => element.textContent.slice(0, 40))"""


@dataclass(frozen=True)
class Shown:
    """The report on a screen: the page, what the browser complained of, and every address that it asked for."""

    page: Any
    scheme: str
    complaints: list[str]
    requests: list[str]


@pytest.fixture(scope="module", params=SCREENS, ids=lambda screen: f"{screen[0]}-{screen[2]}")
def shown(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[Shown]:
    width, height, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda asked: requests.append(asked.url))
    page.goto(report.as_uri(), wait_until="load")
    yield Shown(page, scheme, complaints, requests)
    context.close()


def test_the_browser_has_nothing_to_complain_of_and_asks_for_nothing_else(shown: Shown, report: Path) -> None:
    assert shown.complaints == []
    assert {url for url in shown.requests if not url.startswith("data:")} == {report.as_uri()}


def test_nothing_reaches_beyond_the_screen(shown: Shown) -> None:
    widths = shown.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1]
    assert shown.page.evaluate(OUTSIDE) == []


def test_every_image_is_decoded_and_described(shown: Shown) -> None:
    images = shown.page.evaluate(IMAGES)
    assert len(images) == 4 + 40 + shown.page.locator(".sample img").count()
    assert shown.page.locator(".sample img").count() >= 6
    assert all(complete and width > 0 and len(alternative) > 10 for complete, width, alternative in images)


def test_headings_are_there_in_their_order(shown: Shown) -> None:
    assert shown.page.locator("h2").all_inner_texts() == HEADINGS
    assert shown.page.locator("h1").inner_text() == "campaign: cycle 5"
    assert shown.page.locator(".verdict .verb").inner_text().endswith("ontinue")
    first = shown.page.locator("header > *").nth(1)
    assert "verdict" in first.get_attribute("class")


def test_text_is_large_enough_and_stands_out(shown: Shown) -> None:
    sizes = shown.page.evaluate(TEXT_SIZES)
    assert len(sizes) > 300
    assert [text for size, text in sizes if size < SMALLEST_TEXT] == []
    assert shown.page.evaluate(FADED) == []


def test_everybody_can_use_it(shown: Shown, browser: Any, report: Path, axe: str) -> None:
    """The page allows no script, so that axe-core comes in past its policy."""
    context = browser.new_context(
        viewport=shown.page.viewport_size, color_scheme=shown.scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(report.as_uri(), wait_until="load")
    page.evaluate(axe)
    found = page.evaluate("axe.run(document)")
    context.close()
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []


def test_nothing_is_told_by_colour_alone(shown: Shown) -> None:
    """Changes have a sign and a word; curves differ in line and marker, which the tests of the figures see to."""
    changes = shown.page.locator(".headlines .better, .headlines .worse").all_inner_texts()
    assert changes and all(text.endswith(("(better)", "(worse)")) for text in changes)


def test_names_are_text(shown: Shown) -> None:
    text = shown.page.locator("body").inner_text()
    assert HOSTILE_CLASS in text and HOSTILE_PERSON in text
    assert shown.page.locator("script").count() == 0
    assert shown.page.title() == "campaign: cycle 5"


def test_the_contents_stay_at_hand_and_lead_there(shown: Shown) -> None:
    shown.page.locator("nav a", has_text="Label suspects").click()
    assert shown.page.evaluate("Math.round(document.querySelector('nav').getBoundingClientRect().top)") == 0
    top = shown.page.evaluate("document.querySelector('#suspects').getBoundingClientRect().top")
    below = shown.page.evaluate("document.querySelector('nav').getBoundingClientRect().bottom")
    assert below <= top < shown.page.viewport_size["height"]


def test_the_screen_is_not_blank_and_keeps_to_the_colour_scheme(shown: Shown, tmp_path: Path) -> None:
    shot = shown.page.screenshot(path=str(tmp_path / "report.png"), full_page=True)
    with Image.open(io.BytesIO(shot)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 500
    edge = pixels[:, 2].mean()
    assert edge > 200 if shown.scheme == "light" else edge < 60


def test_all_parts_are_filled_by_a_real_campaign(shown: Shown, digits_campaign: Bench) -> None:
    found = digits_campaign.work.read_record("metrics.json", CycleMetrics)
    metrics = digits_campaign.work.read_json("metrics.json")
    text = shown.page.locator("main").inner_text()
    assert f"{metrics['label_suspects']['found']} of {metrics['label_suspects']['judged']} labels stand out" in text
    assert metrics["annotators"]["alpha"] is not None
    assert f"Krippendorff's alpha is {metrics['annotators']['alpha']:.3f}" in text
    assert all(words in text for words in saving_words(found.random)) and found.random is not None
    assert isinstance(found.forecast, AccuracyForecast) and forecast_words(found.forecast) in text
    assert found.confused and "What the model confuses, in pictures" in text
    assert "100 more labels" in shown.page.locator(".verdict").inner_text()
    assert metrics["disputed"]["count"] > 0 and "Disputed samples" in text
    assert "#1: " in text and "score" in text
