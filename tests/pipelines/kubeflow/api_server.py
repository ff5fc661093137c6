"""An HTTP server that answers as the v2beta1 API of Kubeflow Pipelines does, as far as labelcycle needs it.

It is strict where the real one is: filters, page tokens, package, arguments, trigger and namespace are checked. Like
the real one it leaves out of its answers whatever is empty, zero or false, and lets names of runs repeat.

Sources: backend/src/apiserver/server and backend/api/v2beta1 of github.com/kubeflow/pipelines.
"""

import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kfp_server_api
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as messages

API = "/apis/v2beta1"
LOGIN_PAGE = b"<!doctype html><title>Log in</title>"
INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, INTERNAL, UNAUTHENTICATED = 3, 5, 6, 7, 13, 16
STATUS = {3: 400, 5: 404, 6: 409, 7: 403, 13: 500, 16: 401}
FILTER_KEYS = {
    "experiments": {"id", "experiment_id", "name", "display_name", "created_at", "storage_state"},
    "runs": {"id", "run_id", "name", "display_name", "created_at", "storage_state", "state", "experiment_id"},
    "recurringruns": {"id", "recurring_run_id", "name", "display_name", "created_at"},
}
OPERATIONS = {"EQUALS": 1, "IN": 8, "IS_SUBSTRING": 9}
TYPES = {messages.ParameterType.STRING: (str,), messages.ParameterType.BOOLEAN: (bool,)}
LARGEST_PAGE = 200


class Refused(Exception):
    """An error of the API, with its code as gRPC has it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Fault:
    """What goes wrong with the next requests that match.

    `kind` is a status; `html`, a log-in page instead of an answer; `drop`, the request is carried out and the
    connection closed before the answer; `gateway`, it is carried out and the answer is that of a gateway that has given
    up; `lose`, the connection is closed before the request is carried out; `slow`, the answer comes after a while.
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int = 1


@dataclass
class PipelinesApi:
    """The state of the server, which tests read and set.

    Attributes:
        several_users: multi-user mode, where everything is in a namespace.
        namespaces: those that the user may use.
        token: the bearer token that every request has to bring, if any.
        cookie: the cookie that every request has to bring, if any.
        prefix: path in front of the API, as a proxy has it.
        on_read: called with a run before it is shown, and may change its state.
        killed: names of runs that were under way when their schedule was deleted.
        root: the campaign that runs of `add_run` are for, unless a test says another.
        requests: method and path of every request, in order.
    """

    several_users: bool = False
    namespaces: tuple[str, ...] = ("team-a",)
    token: str = ""
    cookie: str = ""
    prefix: str = ""
    on_read: Callable[[dict[str, Any]], None] = lambda run: None
    slow_seconds: float = 1.0
    url: str = ""
    root: str = ""
    experiments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    recurring_runs: list[dict[str, Any]] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    workflows: dict[str, tuple[dict[str, Any], dict[str, str]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, kind: str | int, method: str = "", path: str = "", times: int = 1) -> None:
        """Let the next requests fail whose method and path match."""
        self.faults.append(Fault(str(kind), method, path, times))

    def next_fault(self, method: str, path: str) -> str:
        """The kind of what goes wrong with this request; empty for nothing."""
        for fault in self.faults:
            if fault.times and fault.method in ("", method) and re.search(fault.path, path):
                fault.times -= 1
                return fault.kind
        return ""

    def add_run(self, name: str, state: str = "RUNNING", root: str | None = None, **more: Any) -> dict[str, Any]:
        """A run that is there already."""
        parameters = {"parameters": {"root": self.root if root is None else root}}
        run = {"run_id": str(uuid.uuid4()), "display_name": name, "state": state, "created_at": now(), **more}
        self.runs.append(run | {"runtime_config": parameters})
        return self.runs[-1]

    def show_workflow(self, run: dict[str, Any], workflow: dict[str, Any], logs: dict[str, str]) -> None:
        """Let a run have a workflow, and its pods these logs, as the API's first version shows them."""
        self.workflows[run["run_id"]] = (workflow, logs)

    def created(self, path: str) -> int:
        """How many requests to create something were sent to a path."""
        return self.requests.count(("POST", f"{API}/{path}"))

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> dict[str, Any]:
        """Carry out a request."""
        kind, _, rest = path.removeprefix(f"{API}/").partition("/")
        identifier, _, verb = rest.partition(":")
        if (method, kind) == ("GET", "healthz"):
            return {"multi_user": True} if self.several_users else {}
        operations: dict[tuple[str, str, bool], Callable[[], dict[str, Any]]] = {
            ("GET", "experiments", False): lambda: self._list("experiments", "experiments", self.experiments, query),
            ("POST", "experiments", False): lambda: self._create_experiment(body),
            ("GET", "runs", False): lambda: self._list("runs", "runs", self.runs, query),
            ("POST", "runs", False): lambda: self._create_run(body),
            ("GET", "runs", True): lambda: self._read_run(identifier),
            ("GET", "recurringruns", False): lambda: self._list(
                "recurringruns", "recurringRuns", self.recurring_runs, query
            ),
            ("POST", "recurringruns", False): lambda: self._create_recurring_run(body),
            ("DELETE", "recurringruns", True): lambda: self._delete_recurring_run(identifier),
            ("POST", "recurringruns", True): lambda: self._switch(identifier, verb),
        }
        operation = operations.get((method, kind, bool(rest)))
        if operation is None:
            raise Refused(NOT_FOUND, "Not Found")
        return operation()

    def _allow(self, namespace: str) -> str:
        """The namespace that a request works in, as the server sees it."""
        if not self.several_users:
            return ""
        if not namespace:
            raise Refused(INVALID_ARGUMENT, "An experiment cannot have an empty namespace in multi-user mode")
        if namespace not in self.namespaces:
            raise Refused(PERMISSION_DENIED, f"User is not authorized in namespace {namespace}")
        return namespace

    def _list(self, kind: str, name: str, entries: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        unknown = query.keys() - {"page_token", "page_size", "sort_by", "namespace", "filter", "experiment_id"}
        if unknown:
            raise Refused(INVALID_ARGUMENT, f"unknown parameters {sorted(unknown)}")
        namespace = self._allow(query.get("namespace", ""))
        matches = filter_of(query.get("filter", ""), FILTER_KEYS[kind])
        found = [entry for entry in entries if entry.get("namespace", "") == namespace and matches(entry)]
        size = min(int(query.get("page_size") or 20), LARGEST_PAGE)
        start = 0
        if token := query.get("page_token"):
            said = json.loads(base64.b64decode(token))
            if said["filter"] != query.get("filter", ""):
                raise Refused(INVALID_ARGUMENT, "page token does not match the supplied filtering criteria")
            start = said["start"]
        answer: dict[str, Any] = {"total_size": len(found)} if found else {}
        if page := found[start : start + size]:
            answer[name] = page
        if start + size < len(found):
            following = {"start": start + size, "filter": query.get("filter", "")}
            answer["next_page_token"] = base64.b64encode(json.dumps(following).encode()).decode()
        return answer

    def _create_experiment(self, body: dict[str, Any]) -> dict[str, Any]:
        check_fields(body, kfp_server_api.V2beta1Experiment)
        namespace = self._allow(body.get("namespace", ""))
        for entry in self.experiments:
            if (entry["display_name"], entry.get("namespace", "")) == (body["display_name"], namespace):
                raise Refused(
                    ALREADY_EXISTS, f"The name {body['display_name']} already exist. Please specify a new name"
                )
        entry = {"experiment_id": str(uuid.uuid4()), "display_name": body["display_name"], "created_at": now()}
        self.experiments.append(entry | ({"namespace": namespace} if namespace else {}))
        return self.experiments[-1]

    def _home(self, body: dict[str, Any]) -> dict[str, str]:
        """The namespace of the experiment that a run is to be in."""
        for entry in self.experiments:
            if entry["experiment_id"] == body.get("experiment_id"):
                return {"namespace": self._allow(entry["namespace"])} if self.several_users else {}
        raise Refused(NOT_FOUND, f"Experiment {body.get('experiment_id')} not found")

    def _create_run(self, body: dict[str, Any]) -> dict[str, Any]:
        check_fields(body, kfp_server_api.V2beta1Run)
        if not body.get("display_name"):
            raise Refused(INVALID_ARGUMENT, "The run name is empty. Please specify a valid name")
        home = self._home(body)
        check_package(body)
        run = body | home | {"run_id": str(uuid.uuid4()), "state": "PENDING", "created_at": now()}
        self.runs.append(run)
        return run

    def _read_run(self, identifier: str) -> dict[str, Any]:
        for run in self.runs:
            if run["run_id"] == identifier:
                self._allow(run.get("namespace", ""))
                self.on_read(run)
                return run
        raise Refused(NOT_FOUND, f"Run {identifier} not found")

    def _create_recurring_run(self, body: dict[str, Any]) -> dict[str, Any]:
        check_fields(body, kfp_server_api.V2beta1RecurringRun)
        home = self._home(body)
        check_package(body)
        if not 1 <= int(body.get("max_concurrency", 0)) <= 10:
            raise Refused(INVALID_ARGUMENT, "The max concurrency of the recurring run is out of range. Support 1-10")
        check_trigger(body.get("trigger", {}))
        mode = body.get("mode")
        if mode not in ("ENABLE", "DISABLE"):
            raise Refused(INVALID_ARGUMENT, f"invalid mode {mode}")
        status = {"status": "ENABLED" if mode == "ENABLE" else "DISABLED"}
        schedule = body | home | status | {"recurring_run_id": str(uuid.uuid4()), "created_at": now()}
        self.recurring_runs.append(schedule)
        return schedule

    def _recurring_run(self, identifier: str) -> dict[str, Any]:
        for schedule in self.recurring_runs:
            if schedule["recurring_run_id"] == identifier:
                self._allow(schedule.get("namespace", ""))
                return schedule
        raise Refused(NOT_FOUND, f"Recurring run {identifier} not found")

    def _delete_recurring_run(self, identifier: str) -> dict[str, Any]:
        """Kubernetes collects what the schedule owns, so that its runs under way are killed, and shown as running."""
        self.recurring_runs.remove(self._recurring_run(identifier))
        over = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
        started = [run for run in self.runs if run.get("recurring_run_id") == identifier]
        self.killed += [run["display_name"] for run in started if run["state"] not in over]
        return {}

    def of_first_version(self, path: str) -> bytes | None:
        """What the API's first version answers: a run's workflow as JSON in JSON, or a log as text."""
        found = re.fullmatch(r"/apis/(v1beta1|v1alpha1)/runs/([^/]+)(?:/nodes/([^/]+)/log)?", path)
        if found is None or found[2] not in self.workflows or (found[3] is None) != (found[1] == "v1beta1"):
            return None
        workflow, logs = self.workflows[found[2]]
        if found[3] is not None:
            return logs[found[3]].encode() if found[3] in logs else None
        manifest = {"workflow_manifest": json.dumps(workflow)}
        return json.dumps({"run": {"id": found[2]}, "pipeline_runtime": manifest}).encode()

    def _switch(self, identifier: str, verb: str) -> dict[str, Any]:
        changes = {"enable": ("ENABLE", "ENABLED"), "disable": ("DISABLE", "DISABLED")}
        if verb not in changes:
            raise Refused(NOT_FOUND, "Not Found")
        schedule = self._recurring_run(identifier)
        schedule["mode"], schedule["status"] = changes[verb]
        return {}


def now() -> str:
    """The time as the API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def check_fields(body: dict[str, Any], model: Any) -> None:
    """Refuse fields that the API's own model does not have."""
    unknown = body.keys() - set(model.attribute_map.values())
    if unknown:
        raise Refused(INVALID_ARGUMENT, f"proto: unknown field {sorted(unknown)[0]!r}")


def filter_of(text: str, keys: set[str]) -> Callable[[dict[str, Any]], bool]:
    """The API's filter as a function."""
    if not text:
        return lambda entry: True
    content = json.loads(text)
    if content.keys() != {"predicates"}:
        raise Refused(INVALID_ARGUMENT, f"failed to parse valid filter from {text!r}")
    tests = [_predicate(predicate, keys) for predicate in content["predicates"]]
    return lambda entry: all(test(entry) for test in tests)


def _predicate(predicate: dict[str, Any], keys: set[str]) -> Callable[[dict[str, Any]], bool]:
    names = {number: name for name, number in OPERATIONS.items()}
    operation = names.get(predicate.get("operation", 0), predicate.get("operation"))
    key = predicate.get("key")
    if key not in keys:
        raise Refused(INVALID_ARGUMENT, f"no support for filtering on unrecognized field {key!r}")
    value_name = "stringValues" if operation == "IN" else "stringValue"
    if operation not in OPERATIONS or predicate.keys() != {"operation", "key", value_name}:
        raise Refused(INVALID_ARGUMENT, f"predicate {predicate} is not one that this server knows")
    column = {"name": "display_name"}.get(key, key)
    value = predicate[value_name]

    def test(entry: dict[str, Any]) -> bool:
        own = entry.get(column, "")
        if operation == "IN":
            return own in value["values"]
        own, wanted = own.lower(), value.lower()
        return bool(own == wanted if operation == "EQUALS" else wanted in own)

    return test


def check_package(body: dict[str, Any]) -> None:
    """Refuse a package that is no pipeline in every field, and arguments that do not fit it."""
    given = body.get("pipeline_spec")
    if not given:
        raise Refused(INVALID_ARGUMENT, "Pipeline spec is empty")
    both = given.keys() == {"pipeline_spec", "platform_spec"}
    try:
        spec = json_format.ParseDict(given["pipeline_spec"] if both else given, messages.PipelineSpec())
        deployment = json_format.MessageToDict(spec.deployment_spec)
        json_format.ParseDict(deployment, messages.PipelineDeploymentConfig())
        if both:
            json_format.ParseDict(given["platform_spec"], messages.PlatformSpec())
    except json_format.ParseError as error:
        raise Refused(INVALID_ARGUMENT, f"Failed to parse the pipeline: {error}") from error
    wanted = spec.root.input_definitions.parameters
    arguments = body.get("runtime_config", {}).get("parameters", {})
    for name, value in arguments.items():
        if name not in wanted:
            raise Refused(INVALID_ARGUMENT, f"parameter {name} is not an input of the pipeline")
        if type(value) not in TYPES.get(wanted[name].parameter_type, (int, float)):
            raise Refused(INVALID_ARGUMENT, f"input parameter {name} has another type than {value!r}")
    for name, definition in wanted.items():
        if name not in arguments and not definition.is_optional and not definition.HasField("default_value"):
            raise Refused(INVALID_ARGUMENT, f"parameter {name} is missing")


def check_trigger(trigger: dict[str, Any]) -> None:
    """Refuse a trigger that is not exactly one of the two, or whose times make no sense."""
    if trigger.keys() not in ({"cron_schedule"}, {"periodic_schedule"}):
        raise Refused(INVALID_ARGUMENT, f"trigger {trigger} is not one schedule")
    if "cron_schedule" in trigger and len(trigger["cron_schedule"]["cron"].split()) not in (5, 6):
        raise Refused(INVALID_ARGUMENT, "Schedule cron is not a supported format")
    if "periodic_schedule" in trigger and int(trigger["periodic_schedule"]["interval_second"]) < 1:
        raise Refused(INVALID_ARGUMENT, "Found invalid period schedule interval")


class Handler(BaseHTTPRequestHandler):
    """Puts HTTP around `PipelinesApi`, and lets requests fail as tests ask for."""

    protocol_version = "HTTP/1.1"
    api: PipelinesApi
    lock: threading.Lock

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        api = self.api
        path = parts.path.removeprefix(api.prefix)
        with self.lock:
            api.requests.append((method, path))
            fault = api.next_fault(method, path)
            if fault == "lose":
                self.close_connection = True
                return
            if fault == "slow":
                time.sleep(api.slow_seconds)
            if method == "GET" and not fault and (old := api.of_first_version(path)) is not None:
                self._send(200, old, "text/plain" if path.endswith("/log") else "application/json")
                return
            if fault == "html" or not parts.path.startswith(f"{api.prefix}{API}/"):
                self._send(200 if fault == "html" else 404, LOGIN_PAGE, "text/html")
                return
            try:
                if fault.isdigit():
                    code = {status: code for code, status in STATUS.items()}.get(int(fault), INTERNAL)
                    raise Refused(code, f"made to fail with {fault}")
                self._authenticate()
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                status, answer = 200, api.answer(method, path, query, body)
            except Refused as error:
                status = int(fault) if fault.isdigit() else STATUS[error.code]
                answer = {"error": str(error), "code": error.code, "message": str(error)}
            if fault == "drop":
                self.close_connection = True
                return
            if fault == "gateway":
                self._send(504, b"upstream request timeout", "text/plain")
                return
            self._send(status, json.dumps(answer).encode(), "application/json")

    def _authenticate(self) -> None:
        if self.api.token and self.headers.get("Authorization") != f"Bearer {self.api.token}":
            raise Refused(UNAUTHENTICATED, "Request header error: there is no user identity header")
        if self.api.cookie and self.headers.get("Cookie") != self.api.cookie:
            raise Refused(UNAUTHENTICATED, "Request header error: there is no user identity header")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # the client has stopped waiting


@contextmanager
def serving() -> Iterator[PipelinesApi]:
    """The API on a free port of loopback, for as long as the context lasts."""
    api = PipelinesApi()
    handler = type("OwnHandler", (Handler,), {"api": api, "lock": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
