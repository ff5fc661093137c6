"""What goes wrong in a cluster, done to this one on purpose, one fault at a time and at random moments."""

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster.cluster import Cluster

LONGEST_OUTAGE = 8.0
"""Seconds that anything is away at most."""


@dataclass(frozen=True)
class Scene:
    """What a fault is done to.

    Attributes:
        cluster: with all its servers.
        chance: decides what is left open.
        root: a campaign that runs.
        workflow: the one that runs it.
    """

    cluster: Cluster
    chance: random.Random
    root: str
    workflow: str

    def wait(self) -> None:
        """Let an outage last."""
        time.sleep(self.chance.uniform(1, LONGEST_OUTAGE))


Fault = Callable[[Scene], bool]
"""Does the fault, and mends it again if nothing else would; False where there was nothing to do it to."""


def restart(name: str) -> Fault:
    """Kill a server of the node, and start it again after a while."""

    def restarted(scene: Scene) -> bool:
        server = scene.cluster.node.servers[name]
        server.stop(signal.SIGKILL)
        scene.wait()
        server.start()
        return True

    return restarted


def freeze(name: str) -> Fault:
    """Let a server take connections and say nothing for a while."""

    def frozen(scene: Scene) -> bool:
        server = scene.cluster.node.servers[name]
        server.send(signal.SIGSTOP)
        try:
            scene.wait()
        finally:
            server.send(signal.SIGCONT)
        return True

    return frozen


def answer(name: str, *states: str) -> Fault:
    """Let a server answer in one of these ways for a while: see `tests.cluster.proxy`."""

    def answered(scene: Scene) -> bool:
        file = scene.cluster.stores.states / name
        file.write_text(scene.chance.choice(states))
        try:
            scene.wait()
        finally:
            file.write_text("")
        return True

    return answered


SLOW = ("slow 0.3", "slow 1", "slow 3")

FAULTS_OF_SERVERS: dict[str, Fault] = {
    "the kubelet is killed": restart("kubelet"),
    "containerd is killed": restart("containerd"),
    "the API server is killed": restart("api-server"),
    "etcd is killed": restart("etcd"),
    "S3 says nothing": freeze("s3"),
    "S3 answers 503": answer("s3", "unavailable"),
    "S3 is slow": answer("s3", *SLOW),
    "MLflow is killed": restart("mlflow"),
    "MLflow answers 503": answer("mlflow", "unavailable"),
    "MLflow is slow": answer("mlflow", *SLOW),
}
