"""Servers on loopback that remember what they were sent."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Recorder:
    """A server that answers every request alike, and keeps what each held.

    Attributes:
        url: its address.
        received: request line, headers and body of each request, as text.
    """

    url: str = ""
    received: list[str] = field(default_factory=list)


@pytest.fixture
def serve() -> Iterator[Callable[..., Recorder]]:
    """A function: status, headers and body → a server that answers so; with `repeat` the body ends in what was sent."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def served(status: int, headers: dict[str, str] | None = None, body: str = "", repeat: bool = False) -> Recorder:
        recorder = Recorder()

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                sent = f"{self.requestline}\n{self.headers}\n{self.rfile.read(length).decode(errors='replace')}"
                recorder.received.append(sent)
                said = (
                    body.replace("SENT", sent.replace("\\", "").replace('"', "").replace("\n", " ")) if repeat else body
                )
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value.replace("PATH", self.path.lstrip("/")))
                self.send_header("Content-Length", str(len(said.encode())))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(said.encode())

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        servers.append((server, thread))
        recorder.url = f"http://127.0.0.1:{server.server_port}"
        return recorder

    yield served
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
