"""A Kubernetes API over HTTP on loopback that answers from a table of objects, and reviews rights by a list of denials.

It is strict where the real one is: a log-in is asked for, lists come in pages, selectors select, reviews are posted to
their own path. It takes nothing else than reviews, so that a command which changes something fails.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-cluster-5f2c"
PAGE = 2
"""Objects of one page, however many are asked for."""

AUTHORIZATION = "/apis/authorization.k8s.io/v1"


@dataclass
class Cluster:
    """The state of the server, which tests read and change.

    Attributes:
        objects: by path, such as `/api/v1/nodes/one`, and documents that are no object, such as `/version`.
        forbidden: beginnings of paths that the user may not read.
        denied: what the user may not do, such as `create workflows`.
        denied_to_stages: what the account of the stages may not do.
        anonymous: whether the log-in is nobody's.
        seconds: after which an answer comes.
        requests: method and path of each, in order.
    """

    objects: dict[str, Any] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    denied_to_stages: set[str] = field(default_factory=set)
    anonymous: bool = False
    seconds: float = 0
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def kubeconfig(self, folder: Path, token: str = TOKEN) -> Path:
        """A file by which the server is found, and its user logged in."""
        path = folder / "kubeconfig.json"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": {"server": self.url}}],
            "users": [{"name": "engineer", "user": {"token": token}}],
            "contexts": [{"name": "work", "context": {"cluster": "here", "user": "engineer"}}],
            "current-context": "work",
        }
        path.write_text(json.dumps(content))
        return path

    def answer(self, method: str, address: str, body: Any, token: str) -> tuple[int, Any]:
        """Status and content."""
        path = urlsplit(address).path
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.requests.append(f"{method} {path}")
        if token != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        if any(path.startswith(beginning) for beginning in self.forbidden):
            return _status(403, f'{path} is forbidden: User "engineer" cannot get it')
        if method == "POST":
            return self._review(path, body)
        if path in self.objects:
            return 200, self.objects[path]
        found = _selected(self._below(path), query)
        if not found and not self._is_list(path):
            return _status(404, f"{path} not found")
        return 200, _page(found, query)

    def _is_list(self, path: str) -> bool:
        group, _, kind = path.rpartition("/")
        return re.sub("/namespaces/[^/]+", "", group) in ("/api/v1", "/apis/apps/v1", *OTHER_GROUPS) and "-" not in kind

    def _below(self, path: str) -> list[Any]:
        """Objects of a list, in one namespace or in all."""
        group, _, kind = path.rpartition("/")
        everywhere = rf"{re.escape(group)}(/namespaces/[^/]+)?/{re.escape(kind)}/[^/]+"
        return [each for place, each in sorted(self.objects.items()) if re.fullmatch(everywhere, place)]

    def _review(self, path: str, body: Any) -> tuple[int, Any]:
        kind = str(body["kind"])
        if path == "/apis/authentication.k8s.io/v1/selfsubjectreviews" and kind == "SelfSubjectReview":
            if self.anonymous:
                return _status(403, 'selfsubjectreviews is forbidden: User "system:anonymous" cannot create it')
            return 201, body | {"status": {"userInfo": {"username": "engineer"}}}
        asked = body["spec"]["resourceAttributes"]
        words = f"{asked['verb']} {asked['resource']}" + (f"/{asked['subresource']}" if "subresource" in asked else "")
        if path == f"{AUTHORIZATION}/selfsubjectaccessreviews" and kind == "SelfSubjectAccessReview":
            return 201, body | {"status": {"allowed": words not in self.denied}}
        local = f"{AUTHORIZATION}/namespaces/{asked['namespace']}/localsubjectaccessreviews"
        if path == local and kind == "LocalSubjectAccessReview":
            assert body["metadata"]["namespace"] == asked["namespace"]
            assert body["spec"]["user"].startswith(f"system:serviceaccount:{asked['namespace']}:")
            return 201, body | {"status": {"allowed": words not in self.denied_to_stages}}
        return _status(405, f"{path} takes no {kind}")


OTHER_GROUPS = ("/apis/coordination.k8s.io/v1", "/apis/discovery.k8s.io/v1")


def _status(code: int, message: str) -> tuple[int, Any]:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


def _selected(found: list[Any], query: dict[str, str]) -> list[Any]:
    for selector, values in (("labelSelector", ["metadata", "labels"]), ("fieldSelector", [])):
        name, sign, wanted = query.get(selector, "").partition("=")
        if not sign:
            continue
        if selector == "fieldSelector":
            assert name == "metadata.name"
            found = [each for each in found if each["metadata"]["name"] == wanted]
        else:
            found = [each for each in found if each["metadata"].get(values[1], {}).get(name) == wanted]
    return found


def _page(found: list[Any], query: dict[str, str]) -> Any:
    first = int(query.get("continue", "0"))
    more = {"continue": str(first + PAGE)} if first + PAGE < len(found) else {}
    return {"kind": "List", "metadata": more, "items": found[first : first + PAGE]}


class Handler(BaseHTTPRequestHandler):
    """Hands requests to the cluster of its server."""

    cluster: Cluster

    def do_GET(self) -> None:
        """Answer."""
        self._answer(None)

    def do_POST(self) -> None:
        """Answer."""
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        time.sleep(self.cluster.seconds)
        token = self.headers.get("Authorization", "")
        status, content = self.cluster.answer(self.command, self.path, body, token)
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        with suppress(ConnectionError):  # of a client that has stopped waiting
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on a free port of loopback, for as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving_cluster(cluster: Cluster) -> Iterator[Cluster]:
    """The same cluster, with the address where it is served."""
    with serving(type("OwnHandler", (Handler,), {"cluster": cluster})) as url:
        cluster.url = url
        yield cluster
