"""What the node's containerd holds: images, which outlive the node, and containers, which do not."""

from dataclasses import dataclass
from pathlib import Path

from tests.cluster.configuration import CONTAINERD_SOCKET
from tests.cluster.namespaces import Namespaces
from tests.cluster.processes import Server


@dataclass(frozen=True)
class Containerd:
    """The node's containerd, by its command `ctr`."""

    namespaces: Namespaces
    server: Server

    def ctr(self, *words: str, check: bool = True) -> str:
        """Run `ctr` in the namespace of Kubernetes; returns what it printed."""
        command = ["ctr", f"--address={CONTAINERD_SOCKET}", "--namespace=k8s.io", *words]
        return self.namespaces.run(*command, check=check).stdout

    def answers(self) -> bool:
        """Whether it answers."""
        return "Server:" in self.ctr("version", check=False)

    def images(self) -> list[str]:
        """Names of the images that it has."""
        return self.ctr("images", "list", "--quiet").split()

    def add(self, archive: Path) -> None:
        """Import an OCI archive and unpack it: otherwise the first pod would wait for that, and give up."""
        self.ctr("images", "import", str(archive))

    def remove(self, image: str) -> None:
        """Remove an image; what it alone needed goes with it."""
        self.ctr("images", "remove", "--sync", image)

    def forget_containers(self) -> None:
        """Remove the containers that an earlier node has left in the store; their processes are gone."""
        left = self.ctr("containers", "list", "--quiet").split()
        if left:
            self.ctr("containers", "delete", *left)
            self.server.stop()  # it has read them at its start, and would tell the kubelet of them
            self.server.start()
            self.server.await_answer(self.answers)
