"""The page in a real browser: for everybody, legible, inside the screen, on desks and phones, by day and night."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import CLASSES, Bench
from tests.services.label_page.conftest import Open, Shown

SCREENS = [(width, height, scheme) for width, height in ((1280, 800), (390, 844)) for scheme in ("light", "dark")]
IDS = [f"{width}-{scheme}" for width, _, scheme in SCREENS]
SMALLEST_TEXT = 12
TEXT_SIZES = """() => [...document.querySelectorAll('body *')].filter(element =>
  [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.textContent.trim())
).map(element => parseFloat(getComputedStyle(element).fontSize))"""


def violations(shown: Shown, axe: str) -> list[Any]:
    """What axe-core finds, every rule and best practice, as rule and the elements."""
    shown.page.evaluate(axe)
    found = shown.page.evaluate("axe.run(document)")
    assert len(found["passes"]) > 15
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]


def inside(shown: Shown) -> bool:
    widths = shown.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return bool(widths[0] <= widths[1])


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS, ids=IDS)
def test_everybody_can_use_it(open_page: Open, bench: Bench, axe: str, width: int, height: int, scheme: str) -> None:
    shown = open_page(bench, width=width, height=height, scheme=scheme)
    assert violations(shown, axe) == [] and inside(shown)
    shown.press("g", "n")
    assert violations(shown, axe) == [] and inside(shown)
    for _ in range(8):
        shown.press("1")
    assert shown.page.locator("#done").is_visible()
    assert violations(shown, axe) == [] and inside(shown)


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS, ids=IDS)
def test_everybody_can_find_one_of_many_classes(
    open_page: Open, many_classes: Bench, axe: str, width: int, height: int, scheme: str
) -> None:
    shown = open_page(many_classes, "--annotator", "mara", width=width, height=height, scheme=scheme)
    assert violations(shown, axe) == [] and inside(shown)
    shown.press("/")
    shown.page.keyboard.type("colour 5")
    assert violations(shown, axe) == [] and inside(shown)


def test_everybody_can_read_what_went_wrong(open_page: Open, bench: Bench, axe: str) -> None:
    shown = open_page(bench)
    (Path(bench.root) / "queries/cycle-0001.csv").write_text("nonsense\n")
    shown.press("1")
    assert "no column sample_id" in shown.text("#notice")
    assert violations(shown, axe) == [] and inside(shown)


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS, ids=IDS)
def test_the_image_is_what_is_largest(
    open_page: Open, bench: Bench, width: int, height: int, scheme: str, tmp_path: Path
) -> None:
    shown = open_page(bench, width=width, height=height, scheme=scheme)
    box = shown.page.locator("#frame").bounding_box()
    assert box["width"] * box["height"] > 0.4 * width * height
    assert min(shown.page.evaluate(TEXT_SIZES)) >= SMALLEST_TEXT
    shot = shown.page.screenshot(path=str(tmp_path / "page.png"))
    with Image.open(io.BytesIO(shot)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    corner = pixels[-3:, -3:].mean()
    assert corner > 240 if scheme == "light" else corner < 40
    middle = pixels[int(box["y"] + box["height"] / 2), int(box["x"] + box["width"] / 2)]
    assert CLASSES[int(middle.argmax())] == shown.sample.partition("/")[0]


def test_on_a_desk_nothing_scrolls_but_a_list_of_many_classes(
    open_page: Open, bench: Bench, many_classes: Bench
) -> None:
    for campaign in (bench, many_classes):
        shown = open_page(campaign)
        shown.press("n")
        heights = shown.page.evaluate("[document.documentElement.scrollHeight, innerHeight]")
        assert heights[0] <= heights[1]
