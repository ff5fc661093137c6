"""A proxy on loopback in front of an S3 server, which injects the faults of a plan and counts them."""

import http.client
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.harness.faulty_s3.faults import Fault, Plan, operation

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}
TRICKLE_SECONDS = 0.3
ERRORS = {
    Fault.ERROR_500: (500, "InternalError", "We encountered an internal error. Please try again."),
    Fault.ERROR_503: (503, "SlowDown", "Please reduce your request rate."),
    Fault.WRONG_CLOCK: (403, "RequestTimeTooSkewed", "The difference between the request time and now is too large."),
    Fault.DAMAGED_REQUEST: (400, "XAmzContentSHA256Mismatch", "The content does not match its SHA-256."),
}


class Nothing:
    """The plan under which all goes well."""

    def fault(self, operation: str, path: str) -> Fault | None:
        """See `Plan`."""
        return None


class FaultyS3(ThreadingHTTPServer):
    """The proxy.

    Args:
        server: URL of the S3 server.
        hold_seconds: how long a request without answer is held before its connection is closed.
        server_checks: whether the server refuses content that does not match the digest in its request, as real ones
            do; the stand-in behind does not.
        server_has_checksums: whether answers keep their checksums, which older servers do not send.

    Attributes:
        plan: may be exchanged at any time.
        requests: requests by operation.
        injected: faults by operation and fault.
    """

    daemon_threads = True

    def __init__(
        self, server: str, hold_seconds: float = 2.0, server_checks: bool = True, server_has_checksums: bool = True
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server_url, self.hold_seconds = urlsplit(server), hold_seconds
        self.server_checks, self.server_has_checksums = server_checks, server_has_checksums
        self.plan: Plan = Nothing()
        self.requests: Counter[str] = Counter()
        self.injected: Counter[tuple[str, Fault]] = Counter()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where clients reach the proxy."""
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self, kind: str, path: str) -> Fault | None:
        """What happens to a request, counted."""
        with self._lock:
            self.requests[kind] += 1
            fault = self.plan.fault(kind, path)
            if fault is not None:
                self.injected[kind, fault] += 1
            return fault

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in the middle are what this is for."""


@contextmanager
def faulty_s3(server: str, **settings: Any) -> Iterator[FaultyS3]:
    """A proxy that serves until the end of the block."""
    with FaultyS3(server, **settings) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: FaultyS3

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads it."""

    def handle_expect_100(self) -> bool:
        """Ask for the body, which faults may then cut short."""
        self.send_response_only(100)
        self.end_headers()
        return True

    def answer(self) -> None:
        """Answer one request, or fail to."""
        kind = operation(self.command, self.path, self.headers)
        fault = self.server.next_fault(kind, self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if fault is Fault.RESET_BEFORE:
            return self._reset()
        if fault is Fault.RESET_WITHIN:
            self.rfile.read(length // 2)
            return self._reset()
        body = self.rfile.read(length)
        if fault is Fault.NO_ANSWER:
            return self._hold()
        if fault is Fault.DAMAGED_REQUEST:
            if self.server.server_checks and self._has_digest():
                return self._refuse(fault)
            body = damaged(body)
        elif fault in ERRORS:
            return self._refuse(fault)
        status, headers, content = self._ask_server(body)
        if fault is Fault.LOST_ANSWER:
            return self._reset()
        if fault is Fault.DAMAGED_ANSWER and status == 200:
            content = damaged(content)
        self._send(status, headers, content, fault if status in (200, 206) else None)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

    def _has_digest(self) -> bool:
        """Whether the request lets a server notice that its body is another one."""
        signed = self.headers.get("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")
        named = any(name.lower().startswith("x-amz-checksum-") for name in self.headers)
        return named or "TRAILER" in signed or len(signed) == 64

    def _ask_server(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        server = self.server.server_url
        connection = http.client.HTTPConnection(server.hostname or "", server.port, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP | {"expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes, fault: Fault | None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            hidden = name.lower().startswith("x-amz-checksum") and not self.server.server_has_checksums
            if not hidden and name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        sizes = [value for name, value in headers if name.lower() == "content-length"]
        self.send_header("Content-Length", sizes[0] if self.command == "HEAD" and sizes else str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(content) // 2
        if fault is Fault.TORN_ANSWER:
            self.wfile.write(content[:half])
            return self._close()
        if fault is Fault.TRICKLE:
            self.wfile.write(content[:half])
            time.sleep(TRICKLE_SECONDS)
            self.wfile.write(content[half:])
            return
        self.wfile.write(content)

    def _refuse(self, fault: Fault) -> None:
        status, code, words = ERRORS[fault]
        text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{words}</Message></Error>'
        self._send(status, [("Content-Type", "application/xml")], text.encode(), None)

    def _hold(self) -> None:
        """Say nothing until the client gives up, or for as long as set."""
        select.select([self.connection], [], [], self.server.hold_seconds)
        self._close()

    def _close(self) -> None:
        self.close_connection = True

    def _reset(self) -> None:
        """End the connection by a TCP reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()


def damaged(content: bytes) -> bytes:
    """The same number of bytes, one bit of one of them flipped."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if content else content
