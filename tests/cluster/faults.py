"""What goes wrong in a cluster, done to this one on purpose, one fault at a time and at random moments."""

import json
import random
import signal
import time
from collections.abc import Callable
from typing import Any

from tests.cluster.cluster import Cluster

Fault = Callable[[Cluster, random.Random], bool]
"""Does the fault, and mends it again if nothing else would; False where there was nothing to do it to."""

LONGEST_OUTAGE = 8.0
"""Seconds that a server is away at most."""


def kill_stage(cluster: Cluster, chance: random.Random) -> bool:
    """Kill the process of a stage, as the kernel does where memory is short."""
    running = [pod for pod in stage_pods(cluster) if main_of(pod).get("state", {}).get("running")]
    if not running:
        return False
    container = main_of(chance.choice(running))["containerID"].removeprefix("containerd://")
    cluster.node.containerd.ctr("tasks", "kill", "--signal=SIGKILL", container, check=False)
    return True


def delete_pod(cluster: Cluster, chance: random.Random) -> bool:
    """Delete a stage's pod by force, as if its node were lost."""
    pods = [pod for pod in stage_pods(cluster) if pod["status"].get("phase") in ("Pending", "Running")]
    if not pods:
        return False
    name = chance.choice(pods)["metadata"]["name"]
    cluster.kubectl("delete", "pod", name, "--force", "--grace-period=0", "--ignore-not-found", check=False)
    return True


def delete_controller(cluster: Cluster, chance: random.Random) -> bool:
    """Delete the pod of Argo's controller; its deployment makes another one."""
    selector = "--selector=app=workflow-controller"
    words = ["--namespace=argo", "delete", "pod", selector, "--force", "--grace-period=0"]
    return cluster.kubectl.tried(*words).returncode == 0


def restart(name: str) -> Fault:
    """Kill a server of the node, and start it again after a while."""

    def restarted(cluster: Cluster, chance: random.Random) -> bool:
        server = cluster.node.servers[name]
        server.stop(signal.SIGKILL)
        time.sleep(chance.uniform(0, LONGEST_OUTAGE))
        server.start()
        return True

    return restarted


def freeze(name: str) -> Fault:
    """Let a server take connections and say nothing for a while."""

    def frozen(cluster: Cluster, chance: random.Random) -> bool:
        server = cluster.node.servers[name]
        server.send(signal.SIGSTOP)
        try:
            time.sleep(chance.uniform(0, LONGEST_OUTAGE))
        finally:
            server.send(signal.SIGCONT)
        return True

    return frozen


FAULTS: dict[str, Fault] = {
    "a stage is killed": kill_stage,
    "a pod is deleted": delete_pod,
    "Argo's controller is deleted": delete_controller,
    "the kubelet is killed": restart("kubelet"),
    "containerd is killed": restart("containerd"),
    "the API server is killed": restart("api-server"),
    "etcd is killed": restart("etcd"),
    "S3 says nothing": freeze("s3"),
    "MLflow is killed": restart("mlflow"),
}


def stage_pods(cluster: Cluster) -> list[dict[str, Any]]:
    """The pods of all workflows; none while the API does not answer."""
    done = cluster.kubectl.tried("get", "pods", "--selector=workflows.argoproj.io/workflow", "--output=json")
    return list(json.loads(done.stdout)["items"]) if done.returncode == 0 else []


def main_of(pod: dict[str, Any]) -> dict[str, Any]:
    """What is known of the container of the stage; nothing before it is made."""
    statuses = pod["status"].get("containerStatuses", [])
    return next((status for status in statuses if status["name"] == "main"), {})
