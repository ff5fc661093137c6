"""Requests to a Kubernetes API server with the user's own rights: quick, never repeated, and JSON as it comes.

Where it is and who the user is comes from the kubeconfig, as `kubectl` has it, or from the pod that this runs in.
"""

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config
from yaml import YAMLError

from labelcycle.components.core.errors import ConfigurationError, TransientError

SECONDS = (5, 10)
"""To connect, and for each part of an answer."""

PAGE = 500
"""Objects of a list that one answer holds."""

IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
NOT_FOUND, UNAUTHENTICATED, FORBIDDEN = 404, 401, 403

Json = dict[str, Any]
"""An object as the API server tells it; its schemas are not ours."""


class Refused(ConfigurationError):
    """The API server refuses a request.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, message: str) -> None:
        remedy = {
            UNAUTHENTICATED: "Log in to the cluster anew, until `kubectl get pods` works.",
            FORBIDDEN: "Ask whoever runs the cluster for this right, or to run this command.",
        }.get(status, "Ask whoever runs the cluster.")
        super().__init__(f"{message.rstrip('.')} ({status}). {remedy}")
        self.status = status


class Unreachable(TransientError):
    """The API server does not answer."""


class KubernetesApi:
    """An API server. Once it has not answered it is not asked again, so that nobody waits for each request anew."""

    def __init__(self, sender: Any, namespace: str) -> None:
        """Talk through a client.

        Args:
            sender: a `kubernetes.client.ApiClient`.
            namespace: what the kubeconfig or the pod says; empty where it says nothing.
        """
        self._sender, self.namespace = sender, namespace
        self._lost: Unreachable | None = None

    @property
    def address(self) -> str:
        """Of the API server."""
        return str(self._sender.configuration.host)

    @property
    def checks_certificate(self) -> bool:
        """Whether the server has to prove who it is; the kubeconfig says so."""
        return bool(self._sender.configuration.verify_ssl) or not self.address.startswith("https://")

    def get(self, path: str, **query: str) -> Json | None:
        """The object at a path; None where there is none.

        Raises:
            Refused: the server refuses.
            Unreachable: it does not answer.
        """
        try:
            return self._request("GET", path, query)
        except Refused as refusal:
            if refusal.status == NOT_FOUND:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Json]:
        """All objects of a list, page by page; none where there is no such list.

        Raises:
            Refused: the server refuses.
            Unreachable: it does not answer.
        """
        found: list[Json] = []
        more = {"limit": str(PAGE)}
        while True:
            page = self.get(path, **query, **more) or {}
            found += page.get("items") or []
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return found
            more["continue"] = token

    def review(self, path: str, body: Json) -> Json:
        """What the server answers to a review, which it keeps nothing of.

        Raises:
            Refused: the server refuses.
            Unreachable: it does not answer.
        """
        return self._request("POST", path, {}, body)

    def _request(self, method: str, path: str, query: Mapping[str, str], body: Json | None = None) -> Json:
        if self._lost is not None:
            raise self._lost
        address = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)  # the access says so, once
                answer, _, _ = self._sender.call_api(
                    address,
                    method,
                    header_params=headers,
                    body=body,
                    auth_settings=["BearerToken"],
                    _preload_content=False,
                    _request_timeout=SECONDS,
                )
            content = json.loads(answer.data)
        except client.ApiException as error:
            if not error.status:  # the certificate
                raise self._gone(str(error.reason)) from error
            raise Refused(error.status, _message(error.body) or str(error.reason)) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._gone(str(getattr(error, "reason", None) or error)) from error
        except ValueError as error:
            raise Refused(answer.status, "what came back is no JSON") from error
        if not isinstance(content, dict):
            raise Refused(answer.status, "what came back is no JSON object")
        return content

    def _gone(self, why: str) -> Unreachable:
        self._lost = Unreachable(
            f"{self.address} does not answer: {why.rstrip('.')}. See that `kubectl get pods` works, then run it again."
        )
        return self._lost


def _message(body: bytes | str | None) -> str:
    """What the API server says in a `Status`."""
    try:
        content = json.loads(body or "")
    except ValueError:
        return ""
    return str(content.get("message", "")) if isinstance(content, dict) else ""


def connect(context: str = "") -> KubernetesApi:
    """The API server of a kubeconfig, or of the cluster that this process runs in.

    Args:
        context: of the kubeconfig; empty for its current one.

    Raises:
        ConfigurationError: there is neither, or the kubeconfig cannot be used.
    """
    settings = client.Configuration()
    settings.retries = False
    files = _kubeconfigs()
    try:
        if files or context:
            place = os.pathsep.join(map(str, files)) or None
            config.load_kube_config(place, context or None, client_configuration=settings, persist_config=False)
            namespace = _namespace_of(place, context)
        elif os.environ.get(IN_CLUSTER):
            config.load_incluster_config(client_configuration=settings)
            namespace = NAMESPACE_FILE.read_text(encoding="ascii").strip() if NAMESPACE_FILE.is_file() else ""
        else:
            raise ConfigurationError(
                "There is no kubeconfig, and this is no pod of a cluster. Set KUBECONFIG to the file by which kubectl "
                "reaches the cluster."
            )
    except (config.ConfigException, YAMLError, OSError, ValueError, TypeError, KeyError) as error:
        where = os.pathsep.join(map(str, files)) or "the kubeconfig"
        raise ConfigurationError(
            f"{where} cannot be used: {str(error).rstrip('.')}. Make `kubectl get pods` work with it, or name "
            "another one with KUBECONFIG or --context."
        ) from error
    return KubernetesApi(client.ApiClient(settings), namespace)


NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def _kubeconfigs() -> list[Path]:
    """The files that there are."""
    named = os.environ.get("KUBECONFIG")
    paths = map(Path, named.split(os.pathsep)) if named else [Path("~/.kube/config")]
    files = [path.expanduser() for path in paths if str(path)]
    return files if named else [path for path in files if path.is_file()]


def _namespace_of(place: str | None, context: str) -> str:
    contexts, current = config.list_kube_config_contexts(place)
    found = next((each for each in contexts if each["name"] == context), current)
    return str((found.get("context") or {}).get("namespace") or "")
