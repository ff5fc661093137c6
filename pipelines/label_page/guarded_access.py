"""Who may talk to the page: whoever knows the token in its address, from that page, under a name of this machine.

Browsers send requests to a server on this machine for any page that asks them to. Such a page does not know the token;
the names under which the server is reached are checked too, for a page can let its own name lead here (DNS rebinding),
and so is where a request comes from.
"""

import ipaddress
import secrets
import socket
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LOCAL = {"localhost", "127.0.0.1", "::1"}


def new_token() -> str:
    """128 random bits, for an address."""
    return secrets.token_urlsafe(16)


def is_loopback(host: str) -> bool:
    """Whether an address to listen at is this machine's alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class GuardedApplication:
    """Lets requests through to another ASGI application that a page of its own makes, and adds headers for safety."""

    def __init__(self, application: ASGIApp, token: str, host: str) -> None:
        """Guard an application.

        Args:
            application: what answers below `/<token>`.
            token: the first part of every path.
            host: where the server listens, as the user wrote it.
        """
        self._application, self._token = application, token
        self._any_address = not is_loopback(host)
        names = {host, socket.gethostname(), socket.getfqdn()} if self._any_address else {host}
        self._names = {name.lower() for name in names} | LOCAL

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope["method"], scope["path"], headers)
        if refusal is None and scope["path"] == f"/{self._token}":
            await RedirectResponse(f"/{self._token}/")(scope, receive, send_with_headers)
        elif refusal is None:
            inner = dict(scope) | {"path": scope["path"][len(self._token) + 1 :], "raw_path": None}
            await self._application(inner, receive, send_with_headers)
        else:
            status, reason = refusal
            await PlainTextResponse(f"{reason}\n", status)(scope, receive, send_with_headers)

    def _refusal(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str] | None:
        if not self._is_ours(headers.get("host", "")):
            return 421, "this server has no such name; use the address that labelcycle label printed"
        first, _, _ = path.removeprefix("/").partition("/")
        if not secrets.compare_digest(first.encode("utf-8", "surrogateescape"), self._token.encode()):
            return 404, "nothing here: use the address that labelcycle label printed"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") and not _follows_a_link(headers):
            return 403, "not from another page"
        origin = headers.get("origin")
        wanted = f"http://{headers.get('host', '')}".lower()
        if (method not in ("GET", "HEAD") or origin is not None) and (origin or "").lower() != wanted:
            return 403, "not from another page"
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a `Host` names this server: a name of its machine, or, where it listens to others, any number."""
        try:
            parts = urlsplit(f"http://{host}")
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        return name.rstrip(".") in self._names or (self._any_address and _is_number(name))


def _follows_a_link(headers: dict[str, str]) -> bool:
    """Whether somebody opens the page itself, in a tab of its own, as by a link in a terminal within a page."""
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
