"""Why a run of Kubeflow Pipelines failed: the stage, its exit code, its last message, and where its log is.

The API's own account of a run is a list of about sixty nodes without a reason. The workflow beneath it has the reasons;
the API shows it under its first version, and the logs of its pods besides.

Sources: backend/src/apiserver/main.go (paths), backend/src/common/util/workflow.go (names of pods) of
github.com/kubeflow/pipelines at 2.17.0.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from labelcycle.components.core.errors import LabelcycleError, printable
from labelcycle.pipelines.graph import STAGES
from labelcycle.pipelines.kubeflow.connection import Kubeflow
from labelcycle.pipelines.kubeflow.transport import TEXT

FAILED = ("Failed", "Error")
SHOWN = 3
"""Pods of one stage that are shown; shards mostly fail alike."""

_NUMBERED = re.compile(r"-\d+$|\(\d+\)$")
_PREPARES = re.compile(r"(.+)-driver(?:\(\d+\))?$")
_ENDED = re.compile(r"(?:[\w-]+: )?(\w+) \(exit code (\d+)\)(?:: (.*))?", re.DOTALL)
"""What Argo says of a container that ran: a word of Kubernetes, the code, and what the container left behind."""

_ERROR = re.compile(r"^(?:\w+\.)+[A-Z]\w*: .+|^[A-Z]\w*(?:Error|Exception): .+")
"""The last line of a traceback: the class of the error, with its package where it is not one of Python's, and what it
says."""

KILLED = 137


@dataclass(frozen=True)
class FailedPod:
    """A pod of a stage that failed.

    Attributes:
        task: whose it is: a stage, or what Kubeflow's own driver was to prepare.
        driver: whether it is such a driver.
        namespace, pod: where it ran; they stay empty where the API does not say.
        exit_code: of its process; None where the pod never ran, or the API does not say.
        reason: what Argo says of it where that is more than an error, such as `OOMKilled`.
        message: the error that ended the stage, as it left it behind or as its log has it; empty where there is none.
    """

    task: str
    driver: bool = False
    namespace: str = ""
    pod: str = ""
    exit_code: int | None = None
    reason: str = ""
    message: str = ""

    def __str__(self) -> str:
        subject = f"Kubeflow's driver of {self.task}" if self.driver else f"Stage {self.task}"
        ended = "failed" if self.exit_code is None else f"ended with exit code {self.exit_code}"
        said = [text for text in (self.reason, self.message) if text]
        if self.exit_code == KILLED or "OOMKilled" in self.reason:
            said.append(f"it was killed, most likely for memory; raise memory_limit of {self.task} in the profile")
        sentence = ": ".join([f"{subject} {ended}", *said]).rstrip(".")
        if not self.pod:
            return f"{sentence}."
        return f"{sentence}. Its log: kubectl logs --namespace {self.namespace} {self.pod} --container main"


def was_cancelled(run: Any) -> bool:
    """Whether somebody ended a run that has not succeeded.

    The API says meanwhile that it is cancelled, but in the end that it has failed, where Argo says no more than that.
    """
    states = {run.state, *(before.state for before in run.state_history or [])}
    return run.state != "SUCCEEDED" and not states.isdisjoint({"CANCELING", "CANCELED"})


def why_failed(kubeflow: Kubeflow, run: Any) -> list[str]:
    """A sentence for each pod of a stage that failed, and what the API itself says; empty where it says nothing."""
    own = [run.error.message] if run.error and run.error.message else []
    return [printable(text) for text in [*map(str, failed_pods(kubeflow, run)), *own]]


def failed_pods(kubeflow: Kubeflow, run: Any) -> list[FailedPod]:
    """The pods that failed and were not made good by another try, a few for each stage.

    Where the API does not show the workflow, the stages alone are named.
    """
    try:
        found = list(_pods(_workflow(kubeflow, run.run_id)))
    except (LabelcycleError, KeyError, TypeError, ValueError, AttributeError, OSError):
        found = []
    if not found:
        tasks = (run.run_details.task_details if run.run_details else None) or []
        names = {_stage_called(task.display_name or "") for task in tasks if task.state == "FAILED"}
        return [FailedPod(stage) for stage in STAGES if stage in names]
    shown: dict[str, list[FailedPod]] = {}
    for pod in found:
        shown.setdefault(pod.task, []).append(pod)
    return [_with_message(kubeflow, run.run_id, pod) for pods in shown.values() for pod in pods[:SHOWN]]


def _workflow(kubeflow: Kubeflow, run_id: str) -> dict[str, Any]:
    answer = kubeflow.read(f"/apis/v1beta1/runs/{run_id}")
    workflow: dict[str, Any] = json.loads(answer["pipeline_runtime"]["workflow_manifest"])
    status = workflow["status"]
    if packed := status.get("compressedNodes"):
        status["nodes"] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return workflow


def _pods(workflow: Mapping[str, Any]) -> Iterator[FailedPod]:
    """Of each failed task the pod of its last try, in order of time."""
    nodes: dict[str, Any] = workflow["status"].get("nodes") or {}
    tries = [
        (identifier, node)
        for identifier, node in nodes.items()
        if node.get("type") == "Pod" and node.get("phase") in FAILED
    ]
    last: dict[str, FailedPod] = {}
    for identifier, node in sorted(tries, key=lambda item: item[1].get("finishedAt") or ""):
        name, boundary = node.get("displayName") or "", node.get("boundaryID") or ""
        if driver := _PREPARES.match(name):
            key, task = identifier, driver[1]
        else:
            above = nodes.get(boundary) or {}
            if above.get("phase") not in FAILED:
                continue  # a later try succeeded
            key, task = boundary, above.get("displayName") or name
        reason, code, message = _end_of(node)
        last[key] = FailedPod(
            task=_stage_called(task) or task,
            driver=driver is not None,
            namespace=workflow["metadata"].get("namespace") or "",
            pod=_pod_name(workflow["metadata"]["name"], identifier, node),
            exit_code=code,
            reason=reason,
            message=message,
        )
    yield from last.values()


def _end_of(node: Mapping[str, Any]) -> tuple[str, int | None, str]:
    """Why a pod failed, its exit code, and what its container left behind."""
    said = node.get("message") or ""
    if ended := _ENDED.fullmatch(said):
        word, code, message = ended.groups()
        return "" if word == "Error" else word, int(code), message or ""
    code = (node.get("outputs") or {}).get("exitCode")
    return said, None if code is None else int(code), ""


def _stage_called(name: str) -> str | None:
    """The stage of a node or task, if it has one.

    `train-adapter`, `publish-2`, `embed(0)` and `embed tuned 1 of 2` have one, `train-adapter-driver` has none.
    """
    plain = _NUMBERED.sub("", _NUMBERED.sub("", name.partition(" ")[0])).replace("-", "_")
    return plain if plain in STAGES else None


def _pod_name(workflow: str, identifier: str, node: Mapping[str, Any]) -> str:
    """Argo names a pod after its workflow, its template, and the number at the end of its node's identifier."""
    number = identifier.rpartition("-")[2]
    middle = [] if ".inline" in node.get("name", "") else [node.get("templateName") or ""]
    return "-".join([workflow, *middle, number])


def _with_message(kubeflow: Kubeflow, run_id: str, pod: FailedPod) -> FailedPod:
    if pod.message:
        return pod
    try:
        log = str(kubeflow.read(f"/apis/v1alpha1/runs/{run_id}/nodes/{pod.pod}/log", accept=TEXT))
    except LabelcycleError:
        return pod
    return replace(pod, message=last_error(log))


def last_error(log: str) -> str:
    """The last error that a log tells of: the message of a JSON line that ends a stage, or the end of a traceback."""
    for line in reversed(log.splitlines()):
        line = line.strip()
        if line.startswith("{"):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and record.get("event") in ("error", "crash"):
                return str(record.get("message") or "")
        elif _ERROR.match(line):
            return line.rpartition("labelcycle.components.core.errors.")[2]
    return ""
