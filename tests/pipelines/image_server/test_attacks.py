"""Nothing but the pool's images leaves the machine."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

SECRET = b"secret beside the images"
TARGETS = [
    "/",
    "",
    "//red/07.png",
    "/red",
    "/red/",
    "/red/../secret.txt",
    "/../secret.txt",
    "/red/../../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/%252e%252e%252fsecret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/..%5csecret.txt",
    "/./red/07.png",
    "/red/./07.png",
    "/red%252f07.png",
    "/red/07.png/",
    "/red/07.png%00",
    "/red/07.png%00.txt",
    "/%00",
    "/secret.txt",
    "/extra.png",
    "/etc/passwd",
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "file:///etc/passwd",
    "http://127.0.0.1/../secret.txt",
    "/red/07.png;x",
    "/RED/07.PNG",
    "/" + "a" * 5000,
]


@pytest.fixture
def images(tmp_path: Path, pictures: Any) -> Path:
    """A copy of the pictures, with a file beside them that nobody may read."""
    folder = Path(shutil.copytree(pictures.images, tmp_path / "data" / "images"))
    (folder.parent / "secret.txt").write_bytes(SECRET)
    return folder


@pytest.fixture
def server(begin_on_images: Callable[..., Any], serve: Callable[..., Any], images: Path) -> Any:
    return serve(begin_on_images(images=str(images)).root)


def test_no_way_out(server: Any, images: Path) -> None:
    shutil.copyfile(images.parent / "secret.txt", images / "secret.txt")
    shutil.copyfile(images / "red" / "07.png", images / "extra.png")
    assert server.ask("/red/07.png").status == 200
    for target in TARGETS:
        answer = server.ask(target)
        assert answer.status in (400, 404), target
        assert SECRET not in answer.body and len(answer.body) < 100, target
        assert b"root:" not in answer.body, target


def test_links_that_lead_out(server: Any, images: Path) -> None:
    """A file in the place of a pool's image, or a link to one, is not the image; links in folders' places neither."""
    linked = images / "red" / "07.png"
    linked.unlink()
    linked.symlink_to(images.parent / "secret.txt")
    (images / "red" / "08.png").write_bytes(SECRET)
    shutil.rmtree(images / "blue")
    (images / "blue").symlink_to("/etc")
    for target in ("/red/07.png", "/red/08.png", "/blue/00.png", "/blue/passwd"):
        answer = server.ask(target)
        assert answer.status == 404 and SECRET not in answer.body, target
    assert server.ask("/red/09.png").status == 200
    server.end()
    assert "not served: 'red/07.png': its content has changed since the campaign began" in server.log.read_text()


def test_only_allowed_sources_are_served(
    begin_on_images: Callable[..., Any], serve: Callable[..., Any], images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = begin_on_images(images=str(images)).root
    monkeypatch.setenv("LABELCYCLE_IMAGE_SOURCES", str(images.parent))
    server = serve(root)
    shutil.move(images / "red", images.parents[1] / "outside")
    (images / "red").symlink_to(images.parents[1] / "outside")
    assert server.ask("/green/07.png").status == 200
    answer = server.ask("/red/07.png")
    assert answer.status == 404 and b"outside" not in answer.body
    server.end()
    assert "not from an allowed source" in server.log.read_text()
    monkeypatch.setenv("LABELCYCLE_IMAGE_SOURCES", str(images / "green"))
    refused = serve(root)
    assert refused.process.wait(60) == 1
    assert "blue/00.png" in refused.log.read_text() and "Add its folder" in refused.log.read_text()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_methods_that_could_write(server: Any, images: Path, method: str) -> None:
    answer = server.ask("/red/07.png", method)
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"
    assert (images / "red" / "07.png").is_file()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /red/\x0007.png HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /red/07.png HTTP/1.1\r\n\r\n",
        b"GET " + b"/a" * 50_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /red/07.png HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["bytes", "NUL", "no host", "endless path", "two lengths"],
)
def test_no_request_at_all(server: Any, request_bytes: bytes) -> None:
    parts = urlsplit(server.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert SECRET not in answer
    assert server.ask("/red/07.png").status == 200
