"""A campaign on pictures whose first query awaits labels, and the page for it without a socket."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from labelcycle.pipelines.label_page.application import label_application
from labelcycle.pipelines.label_page.session import LabellingSession
from tests.conftest import Bench, Pictures

TOKEN, PORT = "only-for-tests", 8091
ADDRESS = f"http://127.0.0.1:{PORT}"


def begin_with_people(root: Path, pictures: Pictures, **settings: Any) -> Bench:
    """A campaign whose first query is delivered."""
    quick = {"trainer.epochs": 20, "trainer.learning_rate": 0.02}
    chosen = {"recipe": "linear_probe", "budget": 16, "batch": 8, "overrides": quick, **settings}
    begin_campaign(str(root), CampaignSettings(images=str(pictures.images), test=str(pictures.test), **chosen))
    bench = Bench(str(root))
    bench.run_cycle()
    return bench


@pytest.fixture(scope="session")
def asked_of_people(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> Path:
    """The root of such a campaign; tests have copies of it."""
    root = tmp_path_factory.mktemp("label-page") / "campaign"
    begin_with_people(root, pictures)
    return root


@pytest.fixture
def bench(asked_of_people: Path, tmp_path: Path) -> Bench:
    """A campaign of which eight samples await labels."""
    shutil.copytree(asked_of_people, tmp_path / "campaign")
    return Bench(str(tmp_path / "campaign"))


def session_of(bench: Bench, annotator: str = "") -> LabellingSession:
    """Somebody who begins to label."""
    return LabellingSession(open_store(bench.root), bench.root, annotator)


@dataclass(frozen=True)
class Page:
    """What a browser does, without one."""

    client: TestClient

    def get(self, path: str, **headers: str) -> Any:
        """Ask for something below the token."""
        return self.client.get(
            f"/{TOKEN}/{path}", headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """Send something as the page does."""
        sent = {"origin": ADDRESS} | {name.replace("_", "-"): text for name, text in headers.items()}
        return self.client.post(f"/{TOKEN}/{path}", json=body, headers=sent)

    def answer(self, **given: Any) -> Any:
        """Answer what is shown; returns what is next."""
        task = self.get("api/task").json()["task"]
        body = {"cycle": task["cycle"], "sample_id": task["sample_id"], "label": "", "status": "ok", **given}
        return self.post("api/answer", body).json()


@pytest.fixture
def open_page() -> Callable[..., Page]:
    """A function: a campaign, who labels, where the server listens → the page."""

    def opened(bench: Bench, annotator: str = "", host: str = "127.0.0.1") -> Page:
        store = open_store(bench.root)
        application = label_application(store, LabellingSession(store, bench.root, annotator), TOKEN, host)
        return Page(TestClient(application, base_url=ADDRESS))

    return opened


@pytest.fixture
def page(bench: Bench, open_page: Callable[..., Page]) -> Page:
    """The page of the campaign."""
    return open_page(bench)
