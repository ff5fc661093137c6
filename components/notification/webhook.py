"""A webhook: news as JSON, signed as Standard Webhooks has it, with a `text` that Slack and its like show.

Source: https://www.standardwebhooks.com
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import requests

from labelcycle.components.core.config.notify import WEBHOOK_URL as URL
from labelcycle.components.core.config.notify import is_loopback
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.notification.channel import SOCKET_SECONDS, NotTaken
from labelcycle.components.notification.news import News

SECRET = "LABELCYCLE_WEBHOOK_SECRET"
SECRET_PREFIX = "whsec_"

TAKES_LATER = (429, 503)
"""Answers that say that nothing was done."""


@dataclass(frozen=True)
class Webhook:
    """The webhook at one address.

    Attributes:
        url: where to; as good as a password.
        key: signs; empty for no signature.
    """

    url: str = field(repr=False)
    key: bytes = field(default=b"", repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """The webhook that LABELCYCLE_WEBHOOK_URL and LABELCYCLE_WEBHOOK_SECRET describe.

        Raises:
            ConfigurationError: there is no address, it is not https:// (http:// on this machine), or the key is none.
        """
        return cls(_checked_url(os.environ.get(URL, "").strip()), _secret_of(os.environ.get(SECRET, "").strip()))

    @property
    def name(self) -> str:
        """The webhook's host; the rest of the address is secret."""
        return f"the webhook at {urlsplit(self.url).hostname}"

    def send(self, news: News) -> None:
        """Post it. Redirects are not followed, and of the answer only its status is read.

        Raises:
            NotTaken: no connection, or an answer that says to come again.
            TransientError: no answer, so that it may have arrived.
            ConfigurationError: the receiver refuses it.
        """
        body = json.dumps(news.as_json(), ensure_ascii=False, allow_nan=False).encode(errors="replace")
        try:
            with requests.post(
                self.url,
                data=body,
                headers={"Content-Type": "application/json", **self._signature(news.identifier, body)},
                auth=_unchanged,
                timeout=SOCKET_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                status = answer.status_code
        except requests.exceptions.SSLError:
            raise ConfigurationError(
                f"{self.name} has no certificate that is trusted here; trust its authority with REQUESTS_CA_BUNDLE"
            ) from None
        except requests.ConnectTimeout:
            raise NotTaken(f"{self.name} cannot be reached") from None
        except requests.Timeout:
            raise TransientError(f"{self.name} does not answer within {SOCKET_SECONDS:g} s") from None
        except requests.RequestException as error:
            raise _broken(self.name, error) from None
        if status in TAKES_LATER:
            raise NotTaken(f"{self.name} answers {status}")
        if status >= 500:
            raise TransientError(f"{self.name} answers {status}")
        if status >= 300:
            raise ConfigurationError(f"{self.name} answers {status}; correct {URL}, or {SECRET}")

    def _signature(self, identifier: str, body: bytes) -> dict[str, str]:
        if not self.key:
            return {}
        moment = int(time.time())
        return {
            "webhook-id": identifier,
            "webhook-timestamp": str(moment),
            "webhook-signature": signature(self.key, identifier, moment, body),
        }


def signature(key: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256, in base64, of identifier, timestamp and body with dots between them.

    Args:
        key: the secret's bytes.
        identifier: the header `webhook-id`.
        timestamp: the header `webhook-timestamp`, seconds since 1970.
        body: the request's, to the byte.
    """
    signed = f"{identifier}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _checked_url(url: str) -> str:
    if not url:
        raise ConfigurationError(f"{URL} is not set, which the webhook's address comes from")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{URL} is not an address such as https://hooks.example.org/…")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigurationError(f"{URL} must begin with https://; http:// is for this machine alone")
    return url


def _secret_of(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if text and len(key) < 16:
        raise ConfigurationError(
            f"{SECRET} is not {SECRET_PREFIX} and at least 16 bytes in base64; make one: "
            f"echo {SECRET_PREFIX}$(openssl rand -base64 32)"
        )
    return key


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stands in for a log-in, so that none of a .netrc file is sent."""
    return request


def _broken(name: str, error: requests.RequestException) -> TransientError:
    """The error for a request that failed; whether there was a connection at all decides if it may be sent again."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError):
        return NotTaken(f"{name} cannot be reached")
    return TransientError(f"{name} broke off ({type(error).__name__})")
