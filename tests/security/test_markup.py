"""Names are text wherever they are shown: hostile ones add no element and no attribute to a page or a configuration."""

import csv
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.label_studio.project import DOUBT, IMAGE, LABEL, UNSURE, labelling_configuration

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</style><svg onload=alert(3)>",
    "javascript:alert(4)",
    "' onmouseover='alert(5)",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- -->]]><a href=//evil>",
    "&lt;b&gt;&#60;script&#62;",
]
PLAIN = [f"plain {number}" for number in range(len(HOSTILE))]
SHOWN_AS_TEXT = {"alt", "aria-label", "title"}


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def kinds(self) -> set[tuple[str, frozenset[str]]]:
        """Each element's name with the names of its attributes."""
        return {(tag, frozenset(attributes)) for tag, attributes in self.elements}


def report_of(begin: Callable[..., Any], folder: Path, names: list[str]) -> str:
    """The report of a campaign whose classes, samples and annotators have these names; three people disagree."""
    folder.mkdir()
    classes, people = names[:3], names[3:6]
    generator = np.random.default_rng(2)
    labels = np.repeat(np.array(classes, dtype=object), 20)
    ids = [f"{names[row % len(names)]}/{row:02d}" for row in range(60)]
    np.savez(
        folder / "embeddings.npz",
        ids=np.array(ids),
        features=(np.repeat(np.eye(3, 8), 20, axis=0) * 4 + generator.normal(size=(60, 8))).astype(np.float32),
        labels=labels.astype(str),
        splits=np.where(np.arange(60) % 20 < 6, "test", "pool"),
    )
    source = folder / "votes.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sample_id", "label", "annotator"])
        for row, sample_id in enumerate(ids):
            for turn, person in enumerate(people):
                wrong = row % 3 == 0 and turn == row % 2
                writer.writerow([sample_id, classes[(row // 20 + wrong) % 3], person])
    campaign = begin(
        str(folder / "campaign"),
        embeddings=str(folder / "embeddings.npz"),
        classes=classes,
        labels_from=str(source),
        quorum=2,
        budget=32,
        batch=16,
    )
    campaign.run_cycle()
    campaign.run_cycle()
    store = open_store(campaign.root)
    (key,) = [key for key in store.keys("cycles/1/") if key.endswith(".html")]
    return store.read(key).decode()


def check_policy(page: Elements) -> None:
    """Even if markup got in: no script runs, nothing is fetched, nothing is sent."""
    head = [attributes for tag, attributes in page.elements if tag == "meta"]
    (policy,) = [given["content"] for given in head if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert dict(rule.strip().partition(" ")[::2] for rule in policy.split(";")) == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


@pytest.fixture
def pages(begin: Callable[..., Any], tmp_path: Path) -> tuple[Elements, Elements]:
    """The report with hostile names, and one with plain names."""
    return (
        Elements(report_of(begin, tmp_path / "hostile", HOSTILE)),
        Elements(report_of(begin, tmp_path / "plain", PLAIN)),
    )


def test_no_element_of_a_report_comes_from_a_name(pages: tuple[Elements, Elements]) -> None:
    hostile, plain = pages
    text = " ".join(hostile.texts)
    for name in HOSTILE[:4]:
        assert name in text, f"{name} is not shown, so this proves nothing"
    assert hostile.kinds() <= plain.kinds() | {("img", frozenset({"src", "alt"}))}
    assert not {tag for tag, _ in hostile.elements} & {
        "script",
        "svg",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "link",
    }
    for tag, attributes in hostile.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if any(hostile_name in (value or "") for hostile_name in HOSTILE):
                assert name in SHOWN_AS_TEXT, (tag, name, value)
            if name in ("src", "href"):
                assert (value or "").startswith(("data:image/", "#")), (tag, name, value)
            if name == "style":
                assert tag == "i" and (value or "").startswith("width: "), value
    check_policy(hostile)


@pytest.mark.parametrize("names", [HOSTILE, PLAIN, ['"/><Image name="evil" value="http://evil"/>', "$image", "a&b"]])
def test_no_element_of_a_labelling_configuration_comes_from_a_class(names: list[str]) -> None:
    view = ElementTree.fromstring(labelling_configuration(names))
    found = [(element.tag, frozenset(element.attrib)) for element in view.iter()]
    choices = frozenset({"name", "toName", "choice", "showInline"})
    assert found == [
        ("View", frozenset()),
        ("View", frozenset({"style"})),
        ("Choices", choices),
        *[("Choice", frozenset({"value", "hotkey"}))] * len(names),
        ("Choices", choices),
        ("Choice", frozenset({"value", "hotkey"})),
        ("Image", frozenset({"name", "value", "zoom"})),
    ]
    values = [element.get("value") for element in view.iter("Choice")]
    assert values == [*names, UNSURE]
    assert [element.get("name") for element in view.iter("Choices")] == [LABEL, DOUBT]
    assert [element.get("value") for element in view.iter("Image")] == [f"${IMAGE}"]
