"""A Label Studio for the whole session, people with accounts on it, and campaigns that label there."""

import functools
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.labelling.label_studio.read_votes import read_votes
from labelcycle.components.labelling.label_studio.send_query import SentTasks, publish_query
from tests.conftest import Bench, Pictures
from tests.services.label_studio.server import OWNER, LabelStudioServer, Person

COMMAND = Path(__file__).parents[3] / ".venv-label-studio" / "bin" / "label-studio"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and tells nobody."""

    def log_message(self, format: str, *args: Any) -> None:
        """Tell nobody."""


class Labelled:
    """A campaign whose first query is in Label Studio, and what people do there."""

    def __init__(self, bench: Bench, server: LabelStudioServer) -> None:
        self.bench = bench
        self.server = server
        self.published = self.publish()
        self.project = int(self.published.project_url.rpartition("/")[2])

    @property
    def commit(self) -> Commit:
        """The last one."""
        return self.bench.state.commits[-1]

    def publish(self) -> SentTasks:
        """Publish the last query, again."""
        return publish_query(self.bench.work.store, self.bench.state.campaign, self.commit)

    def said(self) -> dict[tuple[str, str], str]:
        """What each person said about each sample, as the campaign reads it."""
        return {(vote.sample_id, vote.annotator): vote.label or vote.status for vote in self.votes()}

    def votes(self) -> list[Vote]:
        """The votes as the campaign reads them."""
        return read_votes(self.bench.work.store, self.bench.state.campaign, page_size=3)

    def tasks(self, person: Person) -> list[dict[str, Any]]:
        """The tasks as a person sees them in a list."""
        found: list[dict[str, Any]] = person.call(
            "GET", f"/api/tasks/?project={self.project}&fields=all&page_size=100&resolve_uri=false"
        )["tasks"]
        return sorted(found, key=lambda task: int(task["id"]))


def choice(name: str, control: str = "label") -> dict[str, Any]:
    """An element of an annotation's result: a choice."""
    return {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": [name]}}


def annotate(person: Person, task: dict[str, Any], *result: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """What the page sends when a person submits; returns the annotation."""
    content = {"result": list(result), "lead_time": 1.0} | settings
    made: dict[str, Any] = person.call("POST", f"/api/tasks/{task['id']}/annotations/", content)
    return made


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """The server, running; it ends with the session."""
    assert COMMAND.exists(), f"Label Studio is not at {COMMAND}. Install it: make test-services"
    server = LabelStudioServer(tmp_path_factory.mktemp("label-studio") / "server", COMMAND)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def owner(studio: LabelStudioServer) -> Person:
    """Who set the server up."""
    return Person(studio, OWNER).log_in()


@pytest.fixture(scope="session")
def colleague(studio: LabelStudioServer, owner: Person) -> Person:
    """Somebody else who labels."""
    return Person(studio, "colleague@example.org").sign_up(owner)


@pytest.fixture(scope="session")
def owners_token(owner: Person) -> str:
    """A personal access token of the owner."""
    return owner.personal_token()


@pytest.fixture
def token(owners_token: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """That token, in this test's environment."""
    monkeypatch.delenv("LABEL_STUDIO_TOKEN_FILE", raising=False)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", owners_token)
    return owners_token


@pytest.fixture(scope="session")
def image_server(pictures: Pictures) -> Iterator[str]:
    """The address under which the pictures are served."""
    handler = functools.partial(QuietHandler, directory=str(pictures.images))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def begin_labelling(
    begin_on_images: Callable[..., Bench], studio: LabelStudioServer, token: str, image_server: str, tmp_path: Path
) -> Callable[..., Labelled]:
    """A function: settings of labelling → a new campaign whose first query is in Label Studio."""

    def begun(quorum: int = 1, images: str | None = None, **tool: Any) -> Labelled:
        name = f"pictures-{uuid.uuid4().hex[:8]}"
        bench = begin_on_images(
            str(tmp_path / name),
            name=name,
            labels_from=None,
            quorum=quorum,
            label_studio=studio.url,
            **{"image_server": image_server} | tool,
            **({"images": images} if images else {}),
        )
        bench.run_cycle()
        return Labelled(bench, studio)

    return begun


@pytest.fixture
def labelled(begin_labelling: Callable[..., Labelled]) -> Labelled:
    """A campaign whose first query, of eight samples, is in Label Studio."""
    return begin_labelling()
