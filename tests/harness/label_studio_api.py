"""A server on loopback that answers as Label Studio's API does, and fails as tests tell it to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

PERSONAL = "aGVhZGVy.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"
LEGACY = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Fault:
    """What goes wrong with the next `times` calls of a method whose path begins so.

    `kind` is a status to answer, `silent` (no answer), `torn` (half of one), `lost` (carried out, then no answer),
    `html` (a page) or `elsewhere` (sent on to another host).
    """

    method: str
    path: str
    kind: str
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    """The server's state: projects and tasks as the API shows them, the calls it has seen, and the faults to come."""

    def __init__(self) -> None:
        self.url = ""
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, str, str]] = []
        self.legacy_allowed = False
        self.accesses = 0
        self.access_ends_after: int | None = None
        self._uses: dict[str, int] = {}
        self._numbers = 0
        self._lock = threading.Lock()

    def fail(self, method: str, path: str, kind: str | int, times: int = 1, **headers: str) -> None:
        """Let the next calls fail."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append(Fault(method, path, str(kind), times, named))

    def count(self, method: str, path: str = "") -> int:
        """How many calls of a method were made to paths that begin so."""
        return sum(1 for called, where, _ in self.calls if called == method and where.startswith(path))

    def annotate(self, number: int, choice: str | None, person: int = 1, **changes: Any) -> dict[str, Any]:
        """Add an annotation as a person would; None skips the task."""
        annotation = {
            "id": self.number(),
            "result": [] if choice is None else [chosen(choice)],
            "was_cancelled": choice is None,
            "completed_by": person,
            "created_username": f" person{person}@example.org, {person}",
            "updated_at": datetime.now(UTC).isoformat(),
        } | changes
        self.tasks[number]["annotations"].append(annotation)
        return annotation

    def add_task(self, project: int, **data: Any) -> int:
        """Add a task that labelcycle did not make."""
        number = self.number()
        self.tasks[number] = task(number, project, data, [], self.projects[project]["maximum_annotations"])
        return number

    def number(self) -> int:
        """A number that nothing has yet."""
        self._numbers += 1
        return self._numbers

    def authorised(self, header: str) -> bool:
        """Whether the header has a token that holds now."""
        if header == f"Token {LEGACY}":
            return self.legacy_allowed
        if header not in self._uses:
            return False
        self._uses[header] += 1
        return self.access_ends_after is None or self._uses[header] <= self.access_ends_after

    def answer(self, method: str, path: str, query: dict[str, str], content: Any) -> tuple[int, Any]:
        """Carry a call out. Returns the status and the JSON."""
        with self._lock:
            match [part for part in path.split("/") if part], method:
                case ["api", "token", "refresh"], "POST":
                    if content != {"refresh": PERSONAL}:
                        return 401, {"detail": "Token is invalid"}
                    self.accesses += 1
                    self._uses[f"Bearer access-{self.accesses}"] = 0
                    return 200, {"access": f"access-{self.accesses}"}
                case ["api", "projects"], "GET":
                    return 200, self._page(list(self.projects.values()), query)
                case ["api", "projects"], "POST":
                    number = self.number()
                    self.projects[number] = {"maximum_annotations": 1} | content | {"id": number, "model_version": ""}
                    return 201, self._shown(number)
                case ["api", "projects", number], _:
                    return self._project(method, int(number), content)
                case ["api", "projects", number, "import"], "POST":
                    return self.import_tasks(int(number), content)
                case ["api", "tasks"], "GET":
                    return self.list_tasks(query)
                case ["api", "tasks", number], _:
                    return self.answer_task(method, int(number), content)
        return 404, {"detail": "Not found."}

    def _page(self, rows: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        page, size = int(query["page"]), int(query["page_size"])
        shown = rows[(page - 1) * size : page * size]
        return {"results": shown, "next": "more" if page * size < len(rows) else None}

    def _shown(self, number: int) -> dict[str, Any]:
        project = self.projects[number]
        tasks = sum(row["project"] == number for row in self.tasks.values())
        return project | {"parsed_label_config": parsed(project["label_config"]), "task_number": tasks}

    def _project(self, method: str, number: int, content: Any) -> tuple[int, Any]:
        if number not in self.projects:
            return 404, {"detail": "No Project matches the given query."}
        if method == "DELETE":
            del self.projects[number]
            return 204, None
        if method == "PATCH":
            lost = self._choices_in_use(number) - _offered(content.get("label_config"))
            if "label_config" in content and lost:
                return 400, {"label_config": [f"These labels still exist in annotations: {', '.join(sorted(lost))}"]}
            self.projects[number] |= content
        return 200, self._shown(number)

    def _choices_in_use(self, number: int) -> set[str]:
        """What the annotations of a project hold, which the server lets no configuration be without."""
        return {
            choice
            for row in self.tasks.values()
            if row["project"] == number
            for annotation in row["annotations"]
            for part in annotation["result"]
            for choice in part["value"]["choices"]
        }

    def import_tasks(self, number: int, content: Any) -> tuple[int, Any]:
        project = self.projects[number]
        for row in content:
            made = self.number()
            self.tasks[made] = task(
                made, number, row["data"], row.get("predictions", []), project["maximum_annotations"]
            )
        return 201, {"task_count": len(content)}

    def list_tasks(self, query: dict[str, str]) -> tuple[int, Any]:
        if int(query["project"]) not in self.projects:
            return 404, {"detail": "No Project matches the given query."}
        last = json.loads(query["query"])["filters"]["items"][0]["value"]
        rows = [row for row in self.tasks.values() if row["project"] == int(query["project"]) and row["id"] > last]
        fields = query["include"].split(",")
        page = [included(row, fields) for row in map(counted, rows[: int(query["page_size"])])]
        return 200, {"tasks": page, "total": len(rows)}

    def answer_task(self, method: str, number: int, content: Any) -> tuple[int, Any]:
        if number not in self.tasks:
            return 404, {"detail": "No Task matches the given query."}
        if method == "DELETE":
            del self.tasks[number]
            return 204, None
        if method == "PATCH":
            self.tasks[number] |= content
        return 200, counted(self.tasks[number])


def task(number: int, project: int, data: Any, predictions: Any, overlap: int) -> dict[str, Any]:
    """A task as the server keeps it."""
    return {
        "id": number,
        "project": project,
        "data": data,
        "predictions": predictions,
        "annotations": [],
        "drafts": [],
        "overlap": overlap,
        "is_labeled": False,
    }


def counted(row: dict[str, Any]) -> dict[str, Any]:
    """A task with the counts that the API shows."""
    skipped = sum(annotation["was_cancelled"] for annotation in row["annotations"])
    return row | {"total_annotations": len(row["annotations"]) - skipped, "cancelled_annotations": skipped}


def included(row: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """The fields of a task that are asked for, and those of its annotations, which the server looks for in one list."""
    shown = {name: row[name] for name in row if name in fields}
    if "annotations" in shown:
        whole = ["id", *fields]
        shown["annotations"] = [
            {name: annotation[name] for name in annotation if name in whole} for annotation in shown["annotations"]
        ]
    return shown


def chosen(choice: str, control: str = "label") -> dict[str, Any]:
    """An element of an annotation's result: a choice."""
    return {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": [choice]}}


def parsed(configuration: str) -> dict[str, Any]:
    """A labelling configuration as the server describes it."""
    view = ElementTree.fromstring(configuration)
    images = {image.get("name"): (image.get("value") or "").removeprefix("$") for image in view.iter("Image")}
    return {
        str(control.get("name")): {
            "type": control.tag,
            "to_name": [control.get("toName")],
            "inputs": [{"type": "Image", "value": images[control.get("toName")]}],
            "labels": [choice.get("alias") or choice.get("value") for choice in control],
        }
        for control in view.iter()
        if control.tag in ("Choices", "RectangleLabels")
    }


def _offered(configuration: str | None) -> set[str]:
    """All choices of a configuration, as annotations hold them."""
    if configuration is None:
        return set()
    return {label for control in parsed(configuration).values() for label in control["labels"]}


class Handler(BaseHTTPRequestHandler):
    """Answers one call, or fails as it was told."""

    api: Api
    stopped: threading.Event

    def log_message(self, format: str, *args: Any) -> None:
        """Tell nobody."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        header = self.headers.get("Authorization", "")
        self.api.calls.append((method, self.path, header))
        fault = self._fault(method, parts.path)
        kind = fault.kind if fault else ""
        if kind == "silent":
            self.stopped.wait(60)
            return
        if fault and kind.isdigit():
            self._send(int(kind), b'{"detail": "a fault"}', fault.headers)
            return
        if kind == "html":
            self._send(200, b"<html>log in</html>", {"Content-Type": "text/html"})
            return
        if kind == "elsewhere":
            self._send(302, b"", {"Location": "http://elsewhere.example.org/api?secret=1"})
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        content = json.loads(body) if body else None
        if "/token/" not in parts.path and not self.api.authorised(header):
            self._send(401, b'{"detail": "no"}', {})
            return
        status, found = self.api.answer(method, parts.path, query, content)
        data = b"" if found is None else json.dumps(found).encode()
        if kind == "lost":
            self.close_connection = True
        elif kind == "torn":
            self._send(status, data[: len(data) // 2], {"Content-Length": str(len(data))})
        else:
            self._send(status, data, {})

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.api.faults:
            if fault.times and fault.method == method and path.startswith(fault.path):
                fault.times -= 1
                return fault
        return None

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True


@contextmanager
def running(api: Api) -> Iterator[Api]:
    """Serve on a free loopback port for the length of a block."""
    stopped = threading.Event()
    handler = type("OneApi", (Handler,), {"api": api, "stopped": stopped})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield api
        finally:
            stopped.set()
            server.shutdown()
            thread.join()
