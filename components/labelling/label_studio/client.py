"""A client of Label Studio's HTTP API: the token, retries within bounds, and errors that say what to do.

Calls that change something twice if they are sent twice (`POST`) are repeated only where the server cannot have seen
them or says that it did nothing; else `PerhapsDone` is raised, and the caller looks at what is there.

Source: https://api.labelstud.io
"""

import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any, Literal

import requests
import tenacity

from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.labelling.label_studio.tokens import Token

Method = Literal["GET", "POST", "PATCH", "DELETE"]

ATTEMPTS = 5
LONGEST_PAUSE = 30.0
CONNECT_SECONDS, READ_SECONDS = 5.0, 60.0
MAX_BYTES = 64 * 1024 * 1024
"""Larger answers are refused: lists are fetched in pages, so none has a reason to be."""


class PerhapsDone(TransientError):
    """A call that changes something got no answer, so whether it was carried out is not known."""


class NotThere(CampaignError):
    """There is nothing at the address, or nothing that the token's user may see."""


class _Passing(TransientError):
    """A failure after which the same call may be sent again, after `pause` seconds where the server names them."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class LabelStudio:
    """The API at one address, as the user that the token belongs to.

    Args:
        url: the server's address, with neither credentials nor query.
        token: the user's token; it is sent to this address alone, because redirects are not followed.
        attempts: how often one call is tried.
        longest_pause: seconds that one pause between tries lasts at most, whatever the server asks for.
        timeout: seconds to connect, and between two bytes of an answer.
        most_bytes: larger answers are refused.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        attempts: int = ATTEMPTS,
        longest_pause: float = LONGEST_PAUSE,
        timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        most_bytes: int = MAX_BYTES,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._most_bytes = most_bytes
        self._session = requests.Session()
        self._access = "" if token.kind == "personal" else token.value
        growing = tenacity.wait_exponential(multiplier=0.5, max=longest_pause) + tenacity.wait_random(0, 0.1)

        def pause(state: tenacity.RetryCallState) -> float:
            failure = state.outcome.exception() if state.outcome else None
            asked = failure.pause if isinstance(failure, _Passing) else None
            return min(growing(state) if asked is None else asked, longest_pause)

        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            stop=tenacity.stop_after_attempt(attempts),
            wait=pause,
            reraise=True,
        )

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON at `path`, a path such as `/api/projects/`."""
        return self._call("GET", path, parameters=parameters)

    def post(self, path: str, content: Any, **parameters: str | int) -> Any:
        """Send `content` as JSON.

        Raises:
            PerhapsDone: there was no answer, so the call may have been carried out.
        """
        return self._call("POST", path, content, parameters)

    def patch(self, path: str, content: Mapping[str, Any]) -> Any:
        """Change some fields of what is at `path`."""
        return self._call("PATCH", path, content)

    def delete(self, path: str) -> None:
        """Delete what is at `path`; what is gone already is no error."""
        self._call("DELETE", path)

    def _call(
        self, method: Method, path: str, content: Any = None, parameters: Mapping[str, str | int] | None = None
    ) -> Any:
        """Send one call until it has an answer.

        Raises:
            ConfigurationError: the server refuses the token or the call, or is not Label Studio.
            NotThere: there is nothing at `path`.
            InputError: the answer is too large.
            TransientError: no usable answer, however often it was asked.
        """
        return self._retrying(self._call_once, method, path, content, parameters or {})

    def _call_once(self, method: Method, path: str, content: Any, parameters: Mapping[str, str | int]) -> Any:
        status, headers, body = self._send(method, path, content, parameters)
        if status == 401 and self._token.kind == "personal":
            self._access = ""
            status, headers, body = self._send(method, path, content, parameters)
        return self._judged(method, path, status, headers, body)

    def _send(
        self, method: Method, path: str, content: Any, parameters: Mapping[str, str | int]
    ) -> tuple[int, Mapping[str, str], bytes]:
        if not self._access:
            self._access = self._fetch_access()
        scheme = "Bearer" if self._token.kind == "personal" else "Token"
        return self._exchange(method, path, content, parameters, f"{scheme} {self._access}")

    def _fetch_access(self) -> str:
        """A new access token for the personal one; asking for it again does no harm."""
        path = "/api/token/refresh/"
        try:
            answer = self._exchange("POST", path, {"refresh": self._token.value}, {}, None)
        except PerhapsDone as error:
            raise _Passing(str(error)) from None
        found = self._judged("GET", path, *answer)
        access = found.get("access") if isinstance(found, dict) else None
        if not isinstance(access, str):
            raise ConfigurationError(
                f"{self.url}{path} gives no access token. Check that this is Label Studio's address."
            )
        return access

    def _exchange(
        self, method: Method, path: str, content: Any, parameters: Mapping[str, str | int], authorization: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One request and its whole answer: status, headers, body."""
        try:
            with self._session.request(
                method,
                self.url + path,
                params=parameters,
                json=content,
                auth=_Authorization(authorization),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                return answer.status_code, answer.headers, self._body(answer, path)
        except requests.ConnectionError as error:
            if isinstance(error, requests.exceptions.SSLError):
                raise ConfigurationError(
                    f"{self.url} has no certificate that is trusted here. Trust its authority with REQUESTS_CA_BUNDLE."
                ) from None
            if _never_sent(error):
                raise _Passing(f"Label Studio cannot be reached at {self.url}. {AGAIN}") from None
            raise self._unanswered(method, path, "broke off the connection") from None
        except requests.Timeout:
            raise self._unanswered(method, path, f"was silent for {self._timeout[1]:g} s") from None
        except requests.exceptions.InvalidProxyURL:
            raise ConfigurationError("HTTP_PROXY or HTTPS_PROXY is not an address. Correct it.") from None
        except requests.RequestException as error:
            raise self._unanswered(method, path, f"gave a torn answer ({type(error).__name__})") from None

    def _body(self, answer: requests.Response, path: str) -> bytes:
        body = bytearray()
        for part in answer.iter_content(65536):
            body += part
            if len(body) > self._most_bytes:
                raise InputError(
                    f"{self.url}{path} answers with more than {self._most_bytes:,} bytes. Put the campaign "
                    "into a project of its own."
                )
        return bytes(body)

    def _unanswered(self, method: Method, path: str, what: str) -> TransientError:
        message = f"Label Studio {what} at {self.url}{path}. {AGAIN}"
        return PerhapsDone(message) if method == "POST" else _Passing(message)

    def _judged(self, method: Method, path: str, status: int, headers: Mapping[str, str], body: bytes) -> Any:
        """What an answer means: its content, or an error."""
        address = f"{self.url}{path}"
        if status < 300:
            return self._content(method, path, headers, body)
        if status < 400:
            target = _without_query(headers.get("Location", "elsewhere"))
            raise ConfigurationError(
                f"{address} redirects to {target}, where no token is sent. "
                "Start with the server's own address (--label-studio), or let it answer there."
            )
        if status == 401:
            raise ConfigurationError(f"{self.url} answers 401: {self._token.why_refused}.")
        if status == 429:
            raise _Passing(f"Label Studio asks for fewer calls (429) at {address}. {AGAIN}", _pause(headers))
        if status >= 500:
            if method == "POST" and status != 503:
                raise PerhapsDone(f"Label Studio failed ({status}) at {address}. {AGAIN}")
            raise _Passing(f"Label Studio failed ({status}) at {address}. {AGAIN}", _pause(headers))
        if status == 404 and method == "DELETE":
            return None
        said = self._said(body)
        if status == 404:
            raise NotThere(
                f"There is nothing at {address}{said}. Check the project's number and that the token's user may see it."
            )
        if status == 403:
            raise ConfigurationError(
                f"The token's user may not do {method} {address}{said}. Let an administrator grant it, or use the "
                "token of somebody who may."
            )
        raise ConfigurationError(f"Label Studio refuses {method} {address} ({status}){said}. Correct what it names.")

    def _content(self, method: Method, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        if not body:
            return None
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            if "json" not in headers.get("Content-Type", ""):
                raise ConfigurationError(
                    f"{self.url}{path} does not answer as Label Studio does. Check its address (--label-studio), and "
                    "that no log-in page or proxy stands before it."
                ) from None
            raise self._unanswered(method, path, "gave a torn answer") from None

    def _said(self, body: bytes) -> str:
        """The server's own words, short, without what it repeats of the request: addresses there may be signed."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return ""
        if isinstance(content, dict):
            content = content.get("validation_errors") or content.get("detail") or content
        words = json.dumps(content, ensure_ascii=False) if not isinstance(content, str) else content
        words = words.split(" :: ")[0]
        for secret in (self._token.value, self._access):
            words = words.replace(secret, "…") if secret else words
        return f": {_without_query(words)[:300].rstrip('. ')}"


AGAIN = "Nothing is lost: run the same command again."


class _Authorization:
    """The header with the token. Given as `auth`, so that a .netrc file does not put another in its place."""

    def __init__(self, header: str | None) -> None:
        self._header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._header is not None:
            request.headers["Authorization"] = self._header
        return request


def _never_sent(error: requests.ConnectionError) -> bool:
    """Whether no connection was made at all, so that the server has seen nothing."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    reason = error.args[0] if error.args else None
    return isinstance(error, requests.ConnectTimeout) or (
        isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError)
    )


def _pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, given as seconds or as a date; None where it says nothing."""
    text = headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _without_query(words: str) -> str:
    """`words` without what follows a question mark in addresses."""
    return " ".join(word.split("?")[0] for word in words.split())
