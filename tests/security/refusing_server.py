"""A server that refuses everything, and repeats in its answers whatever it was sent: header, body and all."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class RefusingServer:
    """Use as a context manager. It gives one access token, as Label Studio does, and refuses that too.

    Args:
        access: the access token.
    """

    def __init__(self, access: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
                personal = self.path.startswith("/api/token/refresh")
                said = {"access": access} if personal else dict.fromkeys(("detail", "message"), self._said(sent))
                body = json.dumps(said).encode()
                self.send_response(200 if personal else 403)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _said(self, sent: str) -> str:
                """The most telling first, because messages quote only the beginning."""
                first = f"{self.headers.get('Authorization')} {self.headers.get('Cookie')}"
                return f"{first} {self.headers} {sent}: {self.path} is forbidden"

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "RefusingServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
