"""Listening, and serving until asked to end."""

import logging
import signal
import socket

import uvicorn
from starlette.types import ASGIApp

from labelcycle.components.core.errors import ConfigurationError

REQUESTS = "uvicorn.access"
"""The logger to which uvicorn tells each request."""

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
    # After its end uvicorn raises the signal that ended it once more, for whoever had handled it before.
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
