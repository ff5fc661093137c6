"""Requests to the Kubeflow Pipelines API: none waits for ever, answers are checked, and failures say what to do."""

import json
from typing import Any

import kfp_server_api
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from urllib3 import exceptions

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.logging.events import without_secrets

CONNECT_SECONDS, ANSWER_SECONDS = 10, 60
READ_ATTEMPTS, READ_PAUSE = 3, 0.5
TOO_MANY_REQUESTS, SERVER_ERRORS = 429, 500
TEXT = "text/plain"
SHOWN = 300
"""Characters of a server's answer that a message quotes."""


class Refusal(ConfigurationError):
    """The API has refused a request, and would again."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class CheckedApiClient(kfp_server_api.ApiClient):  # type: ignore[misc]
    """`kfp_server_api.ApiClient` whose requests keep to the rules of this module.

    On its own it waits for an answer without end, takes any answer for one of the API (a log-in page, read as an empty
    list, would look as if there were no runs), and raises errors of several libraries.

    Requests that only read are repeated a few times; those that write never, because the first may have arrived.
    Requests for text, which are for logs, get what comes.

    Attributes:
        seconds: to wait for each answer, and then no other time; None for the patience that work has.
    """

    seconds: int | None = None

    def request(self, method: str, url: str, **given: Any) -> Any:
        """Send one request; `ApiClient` does so for every call of the API.

        Raises:
            ConfigurationError: the API refuses the request, or what answers is no such API.
            TransientError: it cannot be reached, or failed.
        """
        host = self.configuration.host
        given["_request_timeout"] = given.get("_request_timeout") or self.seconds or (CONNECT_SECONDS, ANSWER_SECONDS)
        for_text = (given.get("headers") or {}).get("Accept") == TEXT
        send = super().request

        def once() -> Any:
            try:
                answer = send(method, url, **given)
                return answer if for_text else _checked(answer, host)
            except kfp_server_api.ApiException as error:
                raise _told_by_status(error, host) from error
            except exceptions.HTTPError as error:
                raise _told_by_network(error, host) from error

        return _repeated(once, READ_ATTEMPTS if self.seconds is None else 1) if method == "GET" else once()


def _repeated(once: Any, most: int) -> Any:
    attempts = Retrying(
        stop=stop_after_attempt(most),
        wait=wait_exponential(multiplier=READ_PAUSE),
        retry=retry_if_exception_type(TransientError),
        reraise=True,
    )
    return attempts(once)


def no_api(host: str, found: str) -> ConfigurationError:
    """The error for a host that answers, but not as the API does."""
    return ConfigurationError(
        f"{host} does not answer as a Kubeflow Pipelines API: {found}. Check --host; on a Kubeflow with a dashboard it "
        "ends in /pipeline. Where users log in, set LABELCYCLE_KFP_TOKEN or LABELCYCLE_KFP_COOKIES."
    )


def _checked(answer: Any, host: str) -> Any:
    try:
        content = json.loads(answer.data)
    except ValueError as error:
        raise no_api(host, "what came back is no JSON") from error
    if not isinstance(content, dict):
        raise no_api(host, "what came back is no JSON object")
    return answer


def _told_by_status(error: Any, host: str) -> Exception:
    status, said = error.status, _message(error.body)
    if status in (401, 403):
        return Refusal(
            f"{host} does not let you do this ({status}): {said} Set LABELCYCLE_KFP_TOKEN, --token-file or "
            "LABELCYCLE_KFP_COOKIES to a log-in that is valid, and --namespace to a namespace of yours.",
            status,
        )
    if status == TOO_MANY_REQUESTS or status >= SERVER_ERRORS:
        return TransientError(f"{host} failed with status {status}: {said} Run the same command again later.")
    if said == NOTHING or status < 400:
        return no_api(host, f"status {status}")
    return Refusal(f"{host} refuses the request ({status}): {said}", status)


NOTHING = "no reason is given."


def _message(body: bytes | str | None) -> str:
    """What an answer says went wrong. The API answers errors with `{"code": …, "message": …}`."""
    try:
        content = json.loads(body or "")
    except ValueError:
        return NOTHING
    said = str(content.get("message") or content.get("error") or "") if isinstance(content, dict) else ""
    said = without_secrets(said)  # of a proxy that sends back what it was sent
    return said[:SHOWN].rstrip(".") + "." if said else NOTHING


def _told_by_network(error: exceptions.HTTPError, host: str) -> Exception:
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, exceptions.SSLError):
        return ConfigurationError(
            f"The certificate of {host} is not trusted: {cause}. Name the file of your authority in SSL_CERT_FILE."
        )
    if isinstance(error, exceptions.LocationValueError):
        return ConfigurationError(f"{host!r} is not an address: {error}. Write --host https://kubeflow.example.org.")
    return TransientError(
        f"Cannot talk to Kubeflow Pipelines at {host}: {cause}. Check --host, the network and any port-forward, and "
        "run the same command again."
    )
