"""The page of `labelcycle label` in a headless Chromium."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bench, Pictures
from tests.pipelines.label_page.conftest import begin_with_people
from tests.pipelines.label_page.label_server import Server, starting

HOSTILE_CLASS = "<img src=x onerror=document.title=1>"


@pytest.fixture(scope="session")
def asked_root(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> Path:
    """A campaign whose second query awaits labels, so that a model has guesses; tests have copies of it."""
    root = tmp_path_factory.mktemp("label-page") / "campaign"
    bench = begin_with_people(root, pictures, budget=24)
    bench.run_cycle(str(pictures.labels))
    return root


@pytest.fixture
def bench(asked_root: Path, tmp_path: Path) -> Bench:
    """A campaign of which eight samples await labels."""
    shutil.copytree(asked_root, tmp_path / "campaign")
    return Bench(str(tmp_path / "campaign"))


@pytest.fixture(scope="session")
def many_classes_root(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> Path:
    """A campaign with 60 classes, more than there are keys, one of which would be markup if it were not escaped."""
    root = tmp_path_factory.mktemp("many-classes") / "campaign"
    others = [f"colour {number:02d}" for number in range(56)]
    begin_with_people(root, pictures, classes=["blue", "green", "red", HOSTILE_CLASS, *others])
    return root


@pytest.fixture
def many_classes(many_classes_root: Path, tmp_path: Path) -> Bench:
    """A campaign with many classes."""
    shutil.copytree(many_classes_root, tmp_path / "many-classes")
    return Bench(str(tmp_path / "many-classes"))


@dataclass(frozen=True)
class Shown:
    """The page in a browser, its server, what the browser complained of, and every address that it asked for."""

    page: Any
    server: Server
    complaints: list[str]
    requests: list[str]

    def press(self, *keys: str) -> None:
        """Press keys one after another, each once the page has done what the one before asked for."""
        for key in keys:
            self.settle()
            self.page.keyboard.press(key)
            self.settle()

    def settle(self) -> None:
        """Wait until no answer is under way and the image is there."""
        self.page.wait_for_selector("#main[aria-busy=false]", state="attached")

    def text(self, selector: str) -> str:
        """What stands in an element."""
        found: str = self.page.locator(selector).inner_text()
        return found

    @property
    def sample(self) -> str:
        """The sample whose image is shown."""
        return self.text("#sample")


Open = Callable[..., Shown]


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """A function: a campaign, and what is special about browser and command → the page, once it shows an image."""
    contexts = []
    with starting(tmp_path) as start:

        def opened(bench: Bench, *flags: str, width: int = 1280, height: int = 800, scheme: str = "light") -> Shown:
            server = start(bench.root, *flags)
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            contexts.append(context)
            shown = Shown(context.new_page(), server, [], [])
            shown.page.on("console", lambda message: shown.complaints.append(message.text))
            shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
            shown.page.on("request", lambda asked: shown.requests.append(asked.url))
            shown.page.goto(server.address)
            shown.settle()
            return shown

        yield opened
        for context in contexts:
            context.close()
