"""Where the time of a workflow on Argo goes, told from the times of its pods, which Kubernetes has by the second."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labelcycle.components.core.runtime.timings import Timing
from tests.cluster.kubectl import Kubectl


class PodRecorder:
    """The last that was seen of every pod; Argo deletes pods that did their work."""

    def __init__(self, kubectl: Kubectl) -> None:
        command = [str(kubectl.program), f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={kubectl.namespace}"]
        self._process = subprocess.Popen(
            [*command, "get", "pods", "--watch", "--output=json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.pods: dict[str, dict[str, Any]] = {}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        decoder, rest = json.JSONDecoder(), ""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            rest += line.decode()
            if line.rstrip() == b"}":
                pod, _ = decoder.raw_decode(rest)
                self.pods[pod["metadata"]["name"]] = pod
                rest = ""

    def stop(self) -> None:
        """Stop watching."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def recorded(kubectl: Kubectl) -> Iterator[PodRecorder]:
    """Watch the pods for a while."""
    recorder = PodRecorder(kubectl)
    try:
        yield recorder
    finally:
        recorder.stop()


@dataclass(frozen=True)
class PodTimes:
    """One pod of a workflow, in seconds.

    Attributes:
        stage: what ran in it.
        created: when Argo's controller made it.
        began, finished: its stage's process; before it are scheduling, network and Argo's `init`.
        ended: after the stage, Argo's `wait`.
    """

    stage: str
    created: datetime
    began: datetime
    finished: datetime
    ended: datetime

    def parts(self, timings: list[Timing]) -> list[float | None]:
        """Seconds of start, imports, work, the process's end, and wait.

        Work is what the stage itself measured, and imports are all before it, Python's start among them. Where it has
        measured nothing all is work.
        """
        own = [one for one in timings if one.stage.replace("_", "-") == self.stage and self._has(one)]
        imports = work = rest = None
        if own:
            imports = max(0.0, own[0].started - self.began.timestamp())
            work = own[0].wall_seconds
            rest = max(0.0, seconds(self.began, self.finished) - imports - work)
        else:
            work = seconds(self.began, self.finished)
        return [seconds(self.created, self.began), imports, work, rest, seconds(self.finished, self.ended)]

    def _has(self, timing: Timing) -> bool:
        return self.began.timestamp() - 1 <= timing.started <= self.finished.timestamp() + 1


def times_of(pods: dict[str, dict[str, Any]], workflow: str) -> list[PodTimes]:
    """Times of a workflow's pods that came to their end, in the order of their creation."""
    found = []
    for pod in pods.values():
        if pod["metadata"]["labels"].get("workflows.argoproj.io/workflow") != workflow:
            continue
        states = {one["name"]: one["state"].get("terminated") for one in pod["status"].get("containerStatuses", [])}
        main, wait = states.get("main"), states.get("wait")
        if main is None or wait is None or main.get("startedAt") is None:
            continue
        created, began, ended = (
            moment(text) for text in (pod["metadata"]["creationTimestamp"], main["startedAt"], main["finishedAt"])
        )
        over = max(ended, moment(wait["finishedAt"]))
        stage = pod["metadata"]["labels"].get("app.kubernetes.io/component", pod["metadata"]["name"])
        found.append(PodTimes(stage, created, began, ended, over))
    return sorted(found, key=lambda times: times.created)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def seconds(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()


def table(workflow: dict[str, Any], pods: dict[str, dict[str, Any]], timings: list[Timing]) -> str:
    """A line for each pod, and one for the rest of the workflow's time: Argo's controller between pods.

    The object is what Argo keeps of the workflow, which may have 1 MB, its status compressed if need be.
    """
    name, status = workflow["metadata"]["name"], workflow["status"]
    times = times_of(pods, name)
    whole = seconds(moment(status["startedAt"]), moment(status["finishedAt"]))
    kilobytes = len(json.dumps(workflow, separators=(",", ":"))) / 1000
    lines = [f"{name}: {whole:.0f} s, {len(times)} pods, an object of {kilobytes:.0f} KB"]
    lines.append(f"{'seconds of':<16}" + "".join(f"{part:>9}" for part in ("start", "imports", "work", "end", "wait")))
    for one in times:
        parts = ["" if part is None else f"{part:.1f}" for part in one.parts(timings)]
        lines.append(f"{one.stage:<16}" + "".join(f"{part:>9}" for part in parts))
    between = whole - covered(times)
    lines.append(f"{'no pod at all':<16}{between:>9.1f}")
    return "\n".join(lines)


def covered(times: list[PodTimes]) -> float:
    """Seconds in which there was at least one pod."""
    total, until = 0.0, None
    for one in times:
        begin = one.created if until is None else max(one.created, until)
        if one.ended > begin:
            total += seconds(begin, one.ended)
            until = one.ended
    return total
