"""The answers: an image of the pool, or that there is none. Any other path is as unknown as the next.

Paths are looked up among the names of the pool's images and never handed to the file system, so `..`, NUL, absolute
paths and doubly encoded ones are names like any other that the pool does not have.
"""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from labelcycle.components.core.images.allowed_sources import RefusedImage
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.pipelines.image_server.served_images import ServedImages

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
