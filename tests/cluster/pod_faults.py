"""What goes wrong with pods and workflows: killed, deleted, evicted, refused, submitted twice."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import cgroups
from tests.cluster.certificates import NODE_NAME
from tests.cluster.cluster import Cluster
from tests.cluster.faults import Fault, Scene
from tests.cluster.processes import Server

SECONDS_TO_SHOW = 40.0
"""How long a fault may take to show; on a busy machine the kubelet needs a while."""

NO_PODS = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: nothing-left}
spec: {hard: {pods: "0"}}
"""


def kill_stage(scene: Scene) -> bool:
    """Kill the process of a stage."""
    container = running_container(scene)
    if container is None:
        return False
    scene.cluster.node.containerd.ctr("tasks", "kill", "--signal=SIGKILL", container, check=False)
    return True


def take_memory_away(scene: Scene) -> bool:
    """Lower a stage's limit of memory to what it uses, so that the kernel kills it as soon as it wants more."""
    container = running_container(scene)
    if container is None:
        return False
    folder = cgroup_of(container)
    return folder is not None and lower_limit(folder) and shown(lambda: not processes_of(folder), SECONDS_TO_SHOW / 4)


def delete_pod(scene: Scene) -> bool:
    """Delete a stage's pod by force, as if its node were lost."""
    pods = [pod for pod in stage_pods(scene.cluster) if pod["status"].get("phase") in ("Pending", "Running")]
    if not pods:
        return False
    name = scene.chance.choice(pods)["metadata"]["name"]
    scene.cluster.kubectl("delete", "pod", name, "--force", "--grace-period=0", "--ignore-not-found", check=False)
    return True


def delete_controller(scene: Scene) -> bool:
    """Delete the pod of Argo's controller; its deployment makes another one."""
    selector = "--selector=app=workflow-controller"
    words = ["--namespace=argo", "delete", "pod", selector, "--force", "--grace-period=0"]
    return scene.cluster.kubectl.tried(*words).returncode == 0


def drain(scene: Scene) -> bool:
    """Cordon the node and evict all its pods; after a while it takes pods again."""
    kubectl = scene.cluster.kubectl
    if not stage_pods(scene.cluster):
        return False
    options = ["--force", "--delete-emptydir-data", "--ignore-daemonsets", "--grace-period=2", "--timeout=30s"]
    drained = kubectl.tried("drain", NODE_NAME, *options)
    try:
        scene.wait()
    finally:
        await_success(lambda: kubectl.tried("uncordon", NODE_NAME).returncode == 0)
    return drained.returncode == 0


def run_short_of_memory(scene: Scene) -> bool:
    """Let the kubelet think that the node has too little memory, until it has evicted a stage's pod.

    S3 says nothing meanwhile: a stage of two seconds would have ended before the kubelet looks at it.
    """
    s3 = scene.cluster.node.servers["s3"]
    s3.send(signal.SIGSTOP)
    try:
        if running_container(scene) is None:
            return False
        evicted_before = evicted(scene.cluster)
        with evicting(scene.cluster):
            return shown(lambda: bool(evicted(scene.cluster) - evicted_before), SECONDS_TO_SHOW)
    finally:
        s3.send(signal.SIGCONT)


def exhaust_quota(scene: Scene) -> bool:
    """Allow the namespace no pod for a while."""
    kubectl = scene.cluster.kubectl
    if kubectl.tried("apply", "--filename=-", given=NO_PODS).returncode != 0:
        return False
    try:
        scene.wait()
    finally:
        delete = ["delete", "resourcequota", "nothing-left", "--ignore-not-found"]
        await_success(lambda: kubectl.tried(*delete).returncode == 0)
    return True


def submit_twice(scene: Scene) -> bool:
    """Submit another workflow for the same root."""
    try:
        scene.cluster.argo.submit(scene.chance.choice(["labelcycle-cycle", "labelcycle-campaign"]), root=scene.root)
    except AssertionError:
        return False
    return True


def delete_workflow(scene: Scene) -> bool:
    """Delete the workflow in the middle of what it does."""
    return scene.cluster.kubectl.tried("delete", "workflow", scene.workflow, "--wait=false").returncode == 0


FAULTS_OF_PODS: dict[str, Fault] = {
    "a stage is killed": kill_stage,
    "a stage is over its limit of memory": take_memory_away,
    "a pod is deleted": delete_pod,
    "a pod is evicted for want of memory": run_short_of_memory,
    "the node is drained": drain,
    "the quota is exhausted": exhaust_quota,
    "Argo's controller is deleted": delete_controller,
    "the campaign is submitted twice": submit_twice,
    "the workflow is deleted": delete_workflow,
}


def stage_pods(cluster: Cluster) -> list[dict[str, Any]]:
    """The pods of all workflows; none while the API does not answer."""
    done = cluster.kubectl.tried("get", "pods", "--selector=workflows.argoproj.io/workflow", "--output=json")
    return list(json.loads(done.stdout)["items"]) if done.returncode == 0 else []


def main_of(pod: dict[str, Any]) -> dict[str, Any]:
    """What is known of the container of the stage; nothing before it is made."""
    statuses = pod["status"].get("containerStatuses", [])
    return next((status for status in statuses if status["name"] == "main"), {})


def running_container(scene: Scene) -> str | None:
    """A container in which a stage runs, by containerd's identifier; None where there is none."""
    running = [pod for pod in stage_pods(scene.cluster) if main_of(pod).get("state", {}).get("running")]
    if not running:
        return None
    identifier: str = main_of(scene.chance.choice(running))["containerID"]
    return identifier.removeprefix("containerd://")


def evicted(cluster: Cluster) -> set[str]:
    """The pods of stages that the kubelet has evicted, by name."""
    return {pod["metadata"]["name"] for pod in stage_pods(cluster) if pod["status"].get("reason") == "Evicted"}


@contextmanager
def evicting(cluster: Cluster) -> Iterator[None]:
    """Have the kubelet evict pods whatever memory is free; afterwards as before.

    The threshold is a soft one: a hard one would also be taken from what the node has to give.
    """
    kubelet, file = cluster.node.servers["kubelet"], cluster.node.folder / "kubelet.yaml"
    before = file.read_text()
    wanted = yaml.safe_load(before)
    wanted["evictionSoft"] = {"memory.available": "99%"}
    wanted["evictionSoftGracePeriod"] = {"memory.available": "1s"}
    try:
        restart_with(kubelet, file, yaml.safe_dump(wanted))
        yield
    finally:
        restart_with(kubelet, file, before)


def restart_with(server: Server, file: Path, content: str) -> None:
    """Start a server again, with this in its file."""
    server.stop()
    file.write_text(content)
    server.start()


def cgroup_of(container: str) -> Path | None:
    """The cgroup that limits a container's memory; None once it is gone."""
    for hierarchy in cgroups.hierarchies():
        for name in ("memory.limit_in_bytes", "memory.max"):
            found = list((hierarchy / cgroups.NAME).glob(f"**/{container}/{name}"))
            if found:
                return found[0].parent
    return None


def lower_limit(folder: Path) -> bool:
    """Set the limit of a cgroup to what cannot be taken from it; whether it is still there."""
    first = folder / "memory.limit_in_bytes"
    try:
        if not first.exists():
            (folder / "memory.max").write_text("1")  # version 2 kills at once
            return True
        fields = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        first.write_text(str(int(fields["total_rss"]) + (2 << 20)))
    except OSError:
        return False
    return True


def processes_of(folder: Path) -> str:
    """The processes in a cgroup; empty once it is gone."""
    try:
        return (folder / "cgroup.procs").read_text()
    except OSError:
        return ""


def shown(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether something comes true in this time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.5)
    return False


def await_success(succeeds: Callable[[], bool]) -> None:
    """Try something again until it succeeds, for the API may not answer just now."""
    assert shown(succeeds, 120), "what a fault has changed could not be put back"
