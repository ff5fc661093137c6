"""One real node out of processes of this machine: etcd, containerd, Kubernetes' servers and the kubelet."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster import cgroups
from tests.cluster.binaries import Binaries
from tests.cluster.certificates import CLIENTS, NODE_NAME, make_certificates, write_kubeconfig
from tests.cluster.configuration import write_configuration
from tests.cluster.containerd import Containerd
from tests.cluster.kubectl import Kubectl
from tests.cluster.namespaces import NODE, SERVICES, Namespaces, begin
from tests.cluster.processes import Server
from tests.cluster.programs import program
from tests.cluster.progress import step

ETCD = "http://127.0.0.1:2379"
IN_ORDER = ("etcd", "containerd", "api-server", "controller-manager", "scheduler", "kubelet")
"""Its servers, in the order that they are started."""


class Node:
    """The node. Made stopped; whatever comes of it, `stop` leaves nothing of it but its logs.

    Attributes:
        folder: what the node writes; everything but its logs is removed in the end.
        servers: its servers by name, and others that run in its namespaces, in the order that they are started.
    """

    def __init__(self, folder: Path, images: Path, binaries: Binaries, keep: bool = False) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self._images = images
        self._binaries = binaries
        self._keep = keep
        self._namespaces: Namespaces | None = None
        self._outer: subprocess.Popen[bytes] | None = None
        self.servers: dict[str, Server] = {}

    @property
    def namespaces(self) -> Namespaces:
        """Where its processes run."""
        assert self._namespaces is not None, "the node is not started"
        return self._namespaces

    @property
    def containerd(self) -> Containerd:
        """Its containers and images."""
        return Containerd(self.namespaces, self.servers["containerd"])

    @property
    def kubectl(self) -> Kubectl:
        """The command to speak to it with."""
        return Kubectl(self._binaries.kubernetes / "kubectl", self.folder / "administrator.kubeconfig")

    def start_containerd(self) -> None:
        """Make the namespaces and start containerd alone, which is what images are imported with."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in (self.logs, self.folder / "var-lib"):
            folder.mkdir(parents=True)
        self._images.mkdir(exist_ok=True)
        make_certificates(self.folder / "certificates")
        for user in CLIENTS:
            write_kubeconfig(self.folder / f"{user}.kubeconfig", self.folder / "certificates", user)
        write_configuration(self.folder, self._images)
        cgroups.make()
        self._namespaces, self._outer = begin(self.folder, self._binaries.argo / "pause", self._keep)
        commands = self._commands()
        self.servers = {name: Server(name, self.namespaces, commands[name], self.logs) for name in IN_ORDER}
        self.servers["containerd"].start()
        self.servers["containerd"].await_answer(self.containerd.answers)
        self.containerd.forget_containers()

    def start(self) -> None:
        """Start everything but containerd, and wait until the node takes pods."""
        with step("start the node"):
            for name in IN_ORDER:
                if not self.servers[name].running:
                    self.servers[name].start()
                if name == "api-server":
                    self.servers[name].await_answer(self.api_answers)
            self.servers["kubelet"].await_answer(self.ready)

    def api_answers(self) -> bool:
        """Whether the API server says that it is ready."""
        return self.kubectl.tried("get", "--raw=/readyz").stdout == "ok"

    def ready(self) -> bool:
        """Whether the node takes pods."""
        condition = '--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        return self.kubectl.tried("get", "node", NODE_NAME, condition).stdout == "True"

    def let_go(self) -> None:
        """Let it live on when this process ends."""
        for server in self.servers.values():
            server.let_go()
        if self._outer is not None:
            self._outer.returncode = 0

    def stop(self) -> None:
        """End all that belongs to the node, and remove all but the images and the logs."""
        for server in reversed(self.servers.values()):
            server.stop()
        if self._namespaces is not None:
            self._namespaces.end()
        if self._outer is not None:
            self._outer.wait()
        self._namespaces = self._outer = None
        cgroups.remove()
        for path in self.folder.iterdir() if self.folder.exists() else ():
            if path != self.logs:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _commands(self) -> dict[str, Sequence[str]]:
        keys, programs = self.folder / "certificates", self._binaries.kubernetes
        return {
            "etcd": [
                program("etcd"),
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={ETCD}",
                f"--advertise-client-urls={ETCD}",
                "--unsafe-no-fsync",
            ],
            "containerd": [program("containerd"), f"--config={self.folder / 'containerd.toml'}"],
            "api-server": [
                str(programs / "kube-apiserver"),
                f"--etcd-servers={ETCD}",
                "--bind-address=0.0.0.0",
                f"--advertise-address={NODE}",
                f"--tls-cert-file={keys / 'api-server.crt'}",
                f"--tls-private-key-file={keys / 'api-server.key'}",
                f"--client-ca-file={keys / 'authority.crt'}",
                f"--service-account-key-file={keys / 'accounts.pub'}",
                f"--service-account-signing-key-file={keys / 'accounts.key'}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-cluster-ip-range={SERVICES}",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                f"--kubelet-client-certificate={keys / 'api-server-to-kubelet.crt'}",
                f"--kubelet-client-key={keys / 'api-server-to-kubelet.key'}",
                "--kubelet-preferred-address-types=InternalIP",
                # With it, watches of Argo's kinds never begin on Debian's etcd 3.4: it has no RequestWatchProgress.
                "--feature-gates=WatchList=false",
            ],
            "controller-manager": [
                str(programs / "kube-controller-manager"),
                f"--kubeconfig={self.folder / 'controller-manager.kubeconfig'}",
                f"--service-account-private-key-file={keys / 'accounts.key'}",
                f"--root-ca-file={keys / 'authority.crt'}",
                f"--cluster-signing-cert-file={keys / 'authority.crt'}",
                f"--cluster-signing-key-file={keys / 'authority.key'}",
                "--use-service-account-credentials",
                "--leader-elect=false",
            ],
            "scheduler": [
                str(programs / "kube-scheduler"),
                f"--kubeconfig={self.folder / 'scheduler.kubeconfig'}",
                "--leader-elect=false",
            ],
            "kubelet": [
                str(programs / "kubelet"),
                f"--config={self.folder / 'kubelet.yaml'}",
                f"--kubeconfig={self.folder / 'kubelet.kubeconfig'}",
                f"--hostname-override={NODE_NAME}",
                f"--node-ip={NODE}",
                f"--root-dir={self.folder / 'kubelet'}",
                "--v=2",
            ],
        }
