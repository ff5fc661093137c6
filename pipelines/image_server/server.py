"""Serves the image files of a campaign's pool, with the content that the pool table names, until asked to stop.

Paths are looked up among the names of the pool's images and never handed to the file system, so `..`, NUL, absolute
paths and doubly encoded ones are names like any other that the pool does not have.
"""

import logging
import signal
import socket
from dataclasses import dataclass
from urllib.parse import unquote

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool import load_pool, sample_uris
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.images.allowed_sources import RefusedImage, allowed_image
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.images.source import is_file, read_unchanged_image, relative_address, shared_folder
from labelcycle.components.core.storage import Store

REQUESTS = "uvicorn.access"
"""The logger to which uvicorn reports each request."""

SECONDS_TO_FINISH = 5
"""How long answers under way may take once the server is asked to end."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken, or this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while")[0]
        raise ConfigurationError(
            f"Cannot listen at {host} port {port}: {reason}. Choose another --port or --host."
        ) from error


def address_of(listener: socket.socket) -> str:
    """The http address of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_until_asked_to_end(application: ASGIApp, listener: socket.socket, verbose: bool) -> None:
    """Serve until SIGTERM or SIGINT (Ctrl-C), and come back after either; for the main thread.

    Args:
        application: what answers.
        listener: where.
        verbose: write a line to stderr for each request, and not only for images that are gone or have changed.
    """
    config = uvicorn.Config(
        application,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        access_log=verbose,
        log_config=None,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger(REQUESTS).setLevel(logging.INFO if verbose else logging.WARNING)
    server = uvicorn.Server(config)

    def end(number: int, frame: object) -> None:
        """For a signal before uvicorn handles signals, and for the one that it raises once more after its end."""
        server.should_exit = True

    before = signal.signal(signal.SIGTERM, end)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass(frozen=True)
class ServedImages:
    """The image files of a pool.

    Attributes:
        folder: the folder that they share with the images that were set aside.
        digests: SHA-256 of each file's content, by its path below the folder.
    """

    folder: str
    digests: dict[str, str]

    def read(self, name: str) -> bytes:
        """The content of the image at this path below the folder.

        Content that has changed since the campaign began is not given out, so a link that was laid in a file's place
        leads nowhere.

        Raises:
            KeyError: the pool has no such file.
            UnreadableImage: the file is gone, may not be read, or has other content.
            RefusedImage: something that leads out of the allowed sources was put where the file or its folder was.
        """
        return read_unchanged_image(f"{self.folder}/{name}", self.digests[name])


def served_images(store: Store, campaign: Campaign) -> ServedImages:
    """The image files that the campaign's pool table names.

    Raises:
        InputError: it names no files, because the images are in S3 or there are none.
        RefusedImage: a file is not from an allowed source (`allowed_sources`).

    Cost: reads the tables of the pool and of what was set aside; about 300 bytes of memory a file. Where places are
    named, looks at each file's path.
    """
    folder = shared_folder(sample_uris(store, campaign).values())
    pool = load_pool(store, campaign)
    digests: dict[str, str] = {}
    for uri, sha256 in zip(pool["uri"].to_pylist(), pool["sha256"].to_pylist(), strict=True):
        if is_file(uri):
            allowed_image(uri)
            digests[unquote(relative_address(uri, folder))] = sha256
    return ServedImages(folder, digests)


METHODS = ("GET", "HEAD")
SAFETY = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
CACHING = {"Cache-Control": "private, max-age=3600", "Vary": "Origin"}

logger = logging.getLogger(__name__)


def image_application(images: ServedImages, allow_origin: str = "") -> ASGIApp:
    """An ASGI application that serves the images.

    Args:
        images: what may be served.
        allow_origin: the one origin whose scripts may read the images too, such as https://labels.example.org; empty
            for none. Pages of any origin may show them.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        response = await run_in_threadpool(_answer, images, Request(scope))
        response.headers.update(SAFETY)
        await response(scope, receive, send)

    if not allow_origin:
        return application
    return CORSMiddleware(application, allow_origins=[allow_origin], allow_methods=METHODS)


def content_type(data: bytes) -> str:
    """The media type by the first bytes of a file, whatever its name says; for JPEG, PNG and WebP."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"


def _answer(images: ServedImages, request: Request) -> Response:
    if request.method not in METHODS:
        return PlainTextResponse("only GET and HEAD\n", 405, {"Allow": ", ".join(METHODS)})
    path: str = request.scope["path"]
    name = path.removeprefix("/")
    if path == name or name not in images.digests:
        return PlainTextResponse("no image of this campaign\n", 404)
    tag = f'"{images.digests[name]}"'
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known:
        return Response(status_code=304, headers={"ETag": tag, **CACHING})
    try:
        data = images.read(name)
    except (UnreadableImage, RefusedImage) as error:
        logger.warning("not served: %r: %s", name, error)
        return PlainTextResponse("this image of the campaign is gone, or has changed\n", 404)
    return Response(data, headers={"ETag": tag, "Content-Type": content_type(data), **CACHING})
