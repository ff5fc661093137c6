"""What `labelcycle images` serves, and how it begins and ends."""

import hashlib
import json
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn

from labelcycle.components.core.campaign.campaign import load_campaign
from labelcycle.components.core.campaign.pool import load_pool, sample_uris
from labelcycle.components.core.config.labelling import LabelStudioTool
from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.label_studio.image_links import ImageLinks
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.image_server.server import listen, serve_until_asked_to_end


@pytest.fixture
def strange_pool(tmp_path: Path, pictures: Any) -> Path:
    """A folder of images in folders, with names that a URL has to quote."""
    names = ("a b.png", "ü/100%.png", "x?y#z.png", "%2e%2e.png", "a b.png", "no name says what it is.jpg")
    for name, source in zip(names, sorted(pictures.images.rglob("*.png")), strict=False):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())
    return tmp_path / "images"


def test_an_image_as_it_is(begin_on_images: Callable[..., Any], serve: Callable[..., Any], pictures: Any) -> None:
    server = serve(begin_on_images().root)
    assert server.printed[0].startswith("serving 60 images of campaign-")
    content = (pictures.images / "red" / "07.png").read_bytes()
    answer = server.ask("/red/07.png")
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert "Access-Control-Allow-Origin" not in answer.headers and "Server" not in answer.headers
    head = server.ask("/red/07.png", "HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(content)))


def test_what_was_withdrawn_is_not_served(
    begin_on_images: Callable[..., Any], serve: Callable[..., Any], tmp_path: Path
) -> None:
    root = begin_on_images().root
    (tmp_path / "gone.txt").write_text("red/07.png")
    wanted = WantedSamples(withdraw=str(tmp_path / "gone.txt"))
    amend_campaign(open_store(root), WantedChanges(samples=wanted), "")
    server = serve(root)
    assert server.printed[0].startswith("serving 59 images of campaign-")
    assert (server.ask("/red/07.png").status, server.ask("/red/08.png").status) == (404, 200)


def test_the_address_that_it_prints_is_an_image(begin_on_images: Callable[..., Any], serve: Callable[..., Any]) -> None:
    server = serve(begin_on_images().root)
    assert server.printed[1] == f"such as {server.address}/blue/00.png"
    assert server.ask("/blue/00.png").status == 200


def test_names_that_a_url_quotes(begin: Callable[..., Any], serve: Callable[..., Any], strange_pool: Path) -> None:
    test = strange_pool.parent / "test.csv"
    test.write_text("sample_id,label\na b.png,x\nü/100%.png,y\n")
    server = serve(begin(images=str(strange_pool), test=str(test), budget=4, batch=2).root)
    names = [path.relative_to(strange_pool).as_posix() for path in strange_pool.rglob("*.*g")]
    assert len(names) == 6
    for name in names:
        answer = server.ask("/" + quote(name))
        assert answer.status == 200, name
        assert answer.headers["Content-Type"] == "image/png", "by its content, whatever its name says"


def test_the_links_that_a_labelling_tool_gets(
    begin_on_images: Callable[..., Any], serve: Callable[..., Any], pictures: Any, tmp_path: Path
) -> None:
    """Both sides name images alike, even where only an image that was set aside lies in a folder of its own."""
    shutil.copytree(pictures.images, tmp_path / "data" / "inner")
    (tmp_path / "data" / "broken.png").write_text("no image")
    for table in (pictures.labels, pictures.test):
        header, *rows = table.read_text().splitlines()
        (tmp_path / table.name).write_text("\n".join([header, *(f"inner/{row}" for row in rows)]) + "\n")
    labels = {"labels_from": str(tmp_path / pictures.labels.name), "test": str(tmp_path / pictures.test.name)}
    root = begin_on_images(images=str(tmp_path / "data"), max_unreadable=0.1, **labels).root
    server = serve(root)
    store = open_store(root)
    campaign = load_campaign(store)
    tool = LabelStudioTool(url="http://labels.example.org", image_server=server.address)
    links = ImageLinks(tool, sample_uris(store, campaign))
    for sample_id in load_pool(store, campaign)["sample_id"].to_pylist():
        address = links.link(sample_id).address
        assert address.startswith(f"{server.address}/inner/")
        assert server.ask(address.removeprefix(server.address)).status == 200, address
    assert server.ask("/broken.png").status == 404


def test_what_a_browser_has_is_not_sent_again(begin_on_images: Callable[..., Any], serve: Callable[..., Any]) -> None:
    server = serve(begin_on_images().root)
    tag = server.ask("/red/07.png").headers["ETag"]
    again = server.ask("/red/07.png", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert server.ask("/red/06.png", headers={"If-None-Match": tag}).status == 200


def test_scripts_of_the_named_origin_alone_may_read(
    begin_on_images: Callable[..., Any], serve: Callable[..., Any]
) -> None:
    server = serve(begin_on_images().root, "--allow-origin", "https://Labels.example.org/")
    for origin, allowed in (
        ("https://labels.example.org", True),
        ("https://other.example.org", False),
        ("null", False),
    ):
        answer = server.ask("/red/07.png", headers={"Origin": origin})
        assert answer.status == 200 and "Origin" in answer.headers["Vary"]
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)


def test_the_labelling_tool_may_read_unless_another_is_named(
    begin_on_images: Callable[..., Any], serve: Callable[..., Any]
) -> None:
    tool = {"label_studio": "http://Labels.example.org:8080/prefix", "image_server": "http://127.0.0.1:8090"}
    root = begin_on_images(labels_from=None, **tool).root
    for flags, origin in (
        ([], "http://labels.example.org:8080"),
        (["--allow-origin", "https://outside.example.org"], "https://outside.example.org"),
    ):
        answer = serve(root, *flags).ask("/red/07.png", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_asked(
    begin_on_images: Callable[..., Any], serve: Callable[..., Any], number: signal.Signals
) -> None:
    server = serve(begin_on_images().root)
    assert server.ask("/red/07.png").status == 200
    assert server.end(number) == 0
    assert server.log.read_text() == ""


def test_each_request_is_told_when_asked_for(begin_on_images: Callable[..., Any], serve: Callable[..., Any]) -> None:
    server = serve(begin_on_images().root, "--verbose")
    server.ask("/red/07.png")
    server.ask("/%0a%1b[2Jred")
    server.end()
    log = server.log.read_text()
    assert '"GET /red/07.png HTTP/1.1" 200' in log and "\x1b" not in log


def test_each_request_is_told_in_json(
    begin_on_images: Callable[..., Any], serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELCYCLE_LOG", "json")
    server = serve(begin_on_images().root, "--verbose")
    server.ask("/red/07.png")
    server.end()
    messages = [json.loads(line)["message"] for line in server.log.read_text().splitlines()]
    assert any('"GET /red/07.png HTTP/1.1" 200' in message for message in messages), messages


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--allow-origin", "*"], "--allow-origin '*' is not an origin"),
        (["--allow-origin", "https://a.example/path"], "is not an origin"),
        (["--allow-origin", "https://name:secret@a.example"], "must not hold a name or password"),
        (["--host", "203.0.113.1"], "Choose another --port or --host"),
    ],
)
def test_flags_that_cannot_be(
    begin_on_images: Callable[..., Any], labelcycle: Callable[..., Any], flags: list[str], message: str
) -> None:
    answer = labelcycle("images", begin_on_images().root, "--port", 0, *flags)
    assert answer.returncode == 1 and message in answer.stderr, answer.stderr


def test_a_port_that_is_taken(begin_on_images: Callable[..., Any], labelcycle: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        answer = labelcycle("images", begin_on_images().root, "--port", other.getsockname()[1])
    assert answer.returncode == 1 and "Address already in use. Choose another --port or --host." in answer.stderr


def test_a_pool_without_files(begin: Callable[..., Any], labelcycle: Callable[..., Any]) -> None:
    answer = labelcycle("images", begin().root)
    assert answer.returncode == 1 and "a pool of embeddings has no images" in answer.stderr


def test_help(labelcycle: Callable[..., Any]) -> None:
    answer = labelcycle("images", "--help")
    assert answer.returncode == 0 and "Usage: labelcycle images" in answer.stdout


@pytest.mark.timeout(60)
def test_a_server_that_is_asked_to_end_before_it_serves_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    run, ended = uvicorn.Server.run, list[bool]()

    def asked_to_end_first(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        signal.raise_signal(signal.SIGTERM)
        run(server, sockets)
        ended.append(server.should_exit)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(uvicorn.Server, "run", asked_to_end_first)
    with listen("127.0.0.1", 0) as listener:
        serve_until_asked_to_end(application, listener, verbose=False)
    assert ended == [True]
