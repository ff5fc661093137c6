"""Receivers on loopback: a webhook, and an SMTP server that speaks as much as smtplib asks for."""

import contextlib
import datetime
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from labelcycle.components.notification.news import News


@dataclass
class Receiver:
    """What a webhook got, and what it answers, the last for ever; 0 for silence until the test ends."""

    answers: list[int] = field(default_factory=lambda: [200])
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A webhook, which the environment names."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = received.answers.pop(0) if len(received.answers) > 1 else received.answers[0]
            if status == 0:
                received.over.wait(30)
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", received.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received.url = f"http://127.0.0.1:{server.server_port}/hooks/very-secret-path"
    monkeypatch.setenv("LABELCYCLE_WEBHOOK_URL", received.url)
    monkeypatch.delenv("LABELCYCLE_WEBHOOK_SECRET", raising=False)
    with serving(server):
        yield received
        received.over.set()


@dataclass
class Mailbox:
    """What an SMTP server got: commands and mails; `refusals` answers commands by their first word, an empty text by
    an end of the connection."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    refusals: dict[str, list[str]] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    from_the_beginning: bool = False


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key and the certificate of 127.0.0.1, which is its own authority, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail server of a test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    path.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server on loopback, encrypted where it has a context."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                if box.from_the_beginning:
                    self.encrypt()
                self.say("220 ready")
                self.answer()

        def encrypt(self) -> None:
            assert box.context is not None
            super().finish()
            self.request = box.context.wrap_socket(self.request, server_side=True)
            self.setup()

        def finish(self) -> None:
            with contextlib.suppress(OSError):
                super().finish()
            self.request.close()

        def answer(self) -> None:
            while line := self.rfile.readline().decode().strip():
                box.commands.append(line)
                word = line.split()[0].upper()
                if box.refusals.get(word):
                    answer = box.refusals[word].pop(0)
                    if not answer:
                        return
                    self.say(answer)
                elif word == "EHLO":
                    self.say("250-here\r\n" + ("250-STARTTLS\r\n" if box.context else "") + "250 AUTH PLAIN")
                elif word == "STARTTLS":
                    self.say("220 go on")
                    self.encrypt()
                elif word == "AUTH":
                    self.say("235 welcome")
                elif word == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline().decode()) != ".\r\n":
                        lines.append(text)
                    box.mails.append("".join(lines))
                    self.say("250 taken")
                elif word == "QUIT":
                    self.say("221 farewell")
                    return
                else:
                    self.say("250 fine")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    box.port = server.server_address[1]
    with serving(server):
        yield box


@pytest.fixture
def news() -> Callable[..., News]:
    """A function: changes → news of 20 samples to label."""

    def made(**changes: Any) -> News:
        said = {
            "event": "labels_awaited",
            "campaign": "digits-c984ce3d",
            "root": "/data/digits",
            "cycle": 3,
            "detail": "20 samples to label",
            "labels": 40,
            "answers": 40,
            "budget": 60,
            "accuracy": 0.75,
            "awaited": 20,
            "place": "http://studio/projects/1",
            "time": "2026-12-01T03:00:00+00:00",
        }
        return News(**{**said, **changes})

    return made
