"""A connection to Kubeflow Pipelines: log-in, address of its web pages, quiet and with checked answers.

Secrets come from files and environment variables, never from flags.
"""

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kfp
import kfp_server_api

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.kubeflow.transport import CheckedApiClient, Refusal, no_api

TOKEN, COOKIES = "LABELCYCLE_KFP_TOKEN", "LABELCYCLE_KFP_COOKIES"
TOKEN_FILE = "KF_PIPELINES_SA_TOKEN_PATH"
"""The variable of kfp itself that names the file of a service account's token."""


def credentials(token_file: str | None) -> dict[str, Any]:
    """Arguments of `kfp.Client` that log in.

    A file of a token is read again for every request, because Kubernetes renews projected tokens. Without any of them
    `kfp.Client` has its own ways: the context file of kfp, an identity-aware proxy, a service account inside a cluster.

    Args:
        token_file: the file of a bearer token; None for the one that the environment names, if any.

    Raises:
        ConfigurationError: the file cannot be read or is empty.
    """
    given: dict[str, Any] = {}
    path = token_file or os.environ.get(TOKEN_FILE)
    if path:
        from kfp.client import ServiceAccountTokenVolumeCredentials

        _check(path)
        given["credentials"] = ServiceAccountTokenVolumeCredentials(path)
    elif token := os.environ.get(TOKEN, "").strip():
        given["existing_token"] = token
    if cookies := os.environ.get(COOKIES, "").strip():
        given["cookies"] = cookies
    if authorities := os.environ.get("SSL_CERT_FILE"):
        given["ssl_ca_cert"] = authorities
    return given


def _check(path: str) -> None:
    try:
        empty = not Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"Cannot read the token file {path}: {error}. Name a file that holds a bearer token."
        ) from error
    if empty:
        raise ConfigurationError(f"The token file {path} is empty. Name a file that holds a bearer token.")


HOST, PAGES = "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_UI_ENDPOINT"
"""Variables of kfp itself: addresses of the API, and of the web pages where these are elsewhere."""


@dataclass(frozen=True)
class Kubeflow:
    """A Kubeflow Pipelines installation.

    Attributes:
        client: a `Client`; call its methods under `quiet`.
        namespace: the user's, where the installation has several users; None where it has one.
        pages: address of the web pages, without a slash at the end.
    """

    client: "Client"
    namespace: str | None
    pages: str

    def read(self, path: str, accept: str = "application/json") -> Any:
        """What the API answers at a path that `kfp.Client` has no method for: JSON as Python values, text as it is.

        Raises:
            ConfigurationError: the API refuses the request, or has no such path.
            TransientError: it cannot be reached, or failed.
        """
        with quiet():
            return self.client.api.call_api(
                path,
                "GET",
                header_params={"Accept": accept},
                response_type="object",
                auth_settings=["Bearer"],
                _return_http_data_only=True,
            )

    def run_page(self, run_id: str) -> str:
        """Address of a run's page."""
        return f"{self.pages}/#/runs/details/{run_id}"

    def schedule_page(self, recurring_run_id: str) -> str:
        """Address of a recurring run's page."""
        return f"{self.pages}/#/recurringrun/details/{recurring_run_id}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what kfp prints, logs and warns of from users, who are told the same by labelcycle."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


class Client(kfp.Client):  # type: ignore[misc]
    """`kfp.Client` whose requests go through `CheckedApiClient`, and without its surprises.

    On its own it asks for the API's health five times with pauses and tracebacks, and writes the namespace of the pod
    that it runs in to a file in the home folder, which a pod may not have. Its constructor has no place for another
    `ApiClient`, so the services that its methods call are made here, after it; `healthzs`, `runs` and the like, which
    no method calls, keep kfp's own.
    """

    def __init__(self, cookies: str | None = None, seconds: int | None = None, **given: Any) -> None:
        """Make a client.

        Args:
            cookies: of a browser that is logged in.
            seconds: to wait for each answer, and then no other time; None for `CheckedApiClient`'s own patience.
            given: the other arguments of `kfp.Client`.
        """
        self._cookies, self._seconds = cookies, seconds
        super().__init__(cookies=cookies, **given)
        self._healthz_api = kfp_server_api.HealthzServiceApi(self.api)
        self._experiment_api = kfp_server_api.ExperimentServiceApi(self.api)
        self._run_api = kfp_server_api.RunServiceApi(self.api)
        self._recurring_run_api = kfp_server_api.RecurringRunServiceApi(self.api)
        self._pipelines_api = kfp_server_api.PipelineServiceApi(self.api)
        self._upload_api = kfp_server_api.PipelineUploadServiceApi(self.api)

    @cached_property
    def api(self) -> CheckedApiClient:
        """What sends the requests, with the address, the log-in and the headers that kfp has found."""
        context = self._context_setting
        sender = CheckedApiClient(
            self._existing_config,
            cookie=self._cookies or context.get("client_authentication_cookie"),
            header_name=context.get("client_authentication_header_name"),
            header_value=context.get("client_authentication_header_value"),
        )
        sender.seconds = self._seconds
        return sender

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
        """The API's health, asked for once; the constructor of kfp may call this as the first request of all."""
        return self._health

    @cached_property
    def _health(self) -> Any:
        host = self.api.configuration.host
        if host == kfp_server_api.Configuration().host:
            raise ConfigurationError(
                f"Where is Kubeflow Pipelines? Name it with --host or {HOST}, such as https://kubeflow.example.org"
                "/pipeline, or http://127.0.0.1:8888 behind a port-forward. Inside a cluster it is found by itself."
            )
        try:
            return kfp_server_api.HealthzServiceApi(self.api).healthz_service_get_healthz()
        except Refusal as error:
            if error.status == 404:
                raise no_api(host, "status 404") from error
            raise

    def set_user_namespace(self, namespace: str) -> None:
        """Keep the namespace for this client alone."""
        self._context_setting["namespace"] = namespace.strip()


def connect(
    host: str | None = None, namespace: str | None = None, token_file: str | None = None, seconds: int | None = None
) -> Kubeflow:
    """Connect to Kubeflow Pipelines.

    Args:
        host: address of the API, with its path where a proxy adds one; None for the one that kfp finds: its variable
            `KF_PIPELINES_ENDPOINT`, the service in the cluster that this process runs in, or the kubeconfig.
        namespace: the user's, where the installation has several users; None for that of kfp's context file or, inside
            a cluster, of this pod.
        token_file: file of a bearer token.
        seconds: to wait for each answer, and then no other time; None for the patience that work has.

    Raises:
        ConfigurationError: the address, the log-in or the namespace is wrong or missing, or it is no such API.
        TransientError: it cannot be reached, or failed.
    """
    address = _address(host or os.environ.get(HOST))
    given = credentials(token_file)
    with quiet():
        try:
            client = Client(host=address, seconds=seconds, **given)
            several_users = bool(client.get_kfp_healthz().multi_user)
        except (OSError, ValueError, KeyError) as error:
            raise ConfigurationError(f"kfp cannot be set up: {error}. Check its settings in ~/.config/kfp.") from error
    pages = _address(os.environ.get(PAGES)) or address or "/pipeline"
    return Kubeflow(client, _namespace(client, several_users, namespace), pages)


def _address(host: str | None) -> str | None:
    """The address without the slash at its end, and without what comes after `#` in a browser's address bar.

    Raises:
        ConfigurationError: no scheme, or a password inside.
    """
    if not host:
        return None
    parts = urlsplit(host)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigurationError(f"--host {host!r} is not an address. Write it with http:// or https:// in front.")
    if "@" in parts.netloc:
        raise ConfigurationError("--host must not hold a password. Use LABELCYCLE_KFP_TOKEN or --token-file.")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _namespace(client: Any, several_users: bool, wanted: str | None) -> str | None:
    if not several_users:
        if wanted:
            raise ConfigurationError(
                f"--namespace {wanted}: this Kubeflow Pipelines has one user, so runs have no namespace of their own. "
                "Leave --namespace out; to name the API of an installation elsewhere, use --host."
            )
        return None
    found = wanted or client.get_user_namespace() or None
    if found is None:
        raise ConfigurationError("This Kubeflow has several users. Name your namespace with --namespace.")
    return str(found)
