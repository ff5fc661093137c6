"""The whole test cluster: node, Argo, servers, and labelcycle installed by the documented commands."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import workflows
from tests.cluster.binaries import Binaries, built
from tests.cluster.cache import alone
from tests.cluster.configuration import PAUSE_IMAGE
from tests.cluster.image import REPOSITORY, build_image, forget_layers, image_name
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import Node
from tests.cluster.programs import GIGABYTES_FIRST, GIGABYTES_FOR_AN_IMAGE, GIGABYTES_LATER, disk_obstacle
from tests.cluster.progress import step, tell
from tests.cluster.stop import record_kept, stop_kept
from tests.cluster.stores import ACCOUNT, KEY, KEY_ID, Stores, start_stores
from tests.cluster.workflows import Argo
from tests.installed_command import Command, command_in

HERE = Path(__file__).parent
SECONDS_OF_A_COMMAND = 600


@dataclass(frozen=True)
class Cluster:
    """A running cluster with labelcycle in it.

    Attributes:
        node: the node, whose servers tests may stop.
        argo: Argo's command.
        stores: S3 and MLflow.
        image: the name of labelcycle's image.
        folder: where its manifests are.
        cache: what outlives it.
    """

    node: Node
    argo: Argo
    stores: Stores
    image: str
    folder: Path
    cache: Path

    @property
    def kubectl(self) -> Kubectl:
        """Kubernetes' command."""
        return self.node.kubectl

    def labelcycle(self, *words: object) -> str:
        """Run the installed command with the settings and keys of a user outside; returns what it printed."""
        run: Command = command_in(self.folder, SECONDS_OF_A_COMMAND)
        done = run(*words, **self.stores.environment)
        assert done.returncode == 0, f"labelcycle {' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def disk_needed(cache: Path) -> int:
    """Gigabytes that must be free: many before the first run, few once binaries and image are there."""
    return GIGABYTES_LATER if (cache / "images").exists() else GIGABYTES_FIRST


@contextmanager
def running(cache: Path, keep: bool) -> Iterator[Cluster]:
    """The cluster, for as long as it is needed; kept after that if so wished.

    Raises:
        AssertionError: a step failed; the message says what was called and what it printed.
    """
    with alone(cache):
        stop_kept(cache)
        if reason := disk_obstacle(cache, disk_needed(cache)):
            raise AssertionError(reason)
        binaries = built(cache)
        node = Node(cache / "node", cache / "images", binaries, keep)
        kept = False
        try:
            node.start_containerd()
            image = provide_images(cache, node, binaries)
            node.start()
            with step("start S3 and MLflow"):
                stores = start_stores(node)
            workflows.install(node.kubectl, binaries, node.folder / "argo")
            argo = Argo(binaries.argo / "argo", node.kubectl)
            cluster = Cluster(node, argo, stores, image, node.folder / "work", cache)
            install_labelcycle(cluster)
            yield cluster
            kept = keep
        finally:
            if kept:
                tell_how_to_use(cache, cluster)
                node.let_go()
            else:
                node.stop()


def provide_images(cache: Path, node: Node, binaries: Binaries) -> str:
    """See to it that containerd has all images, those of this checkout; returns the name of labelcycle's."""
    name, there = image_name(), node.containerd.images()
    if name not in there:
        archive = cache / "image.tar"
        if disk_obstacle(cache, GIGABYTES_FOR_AN_IMAGE):
            with step("remove the layers of earlier images, for want of disk"):
                forget_layers(cache)
        build_image(cache, name, archive)
        with step("import the image into containerd and unpack it"):
            node.containerd.add(archive)
        archive.unlink()
        for other in there:
            if other.startswith(f"{REPOSITORY}:"):
                node.containerd.remove(other)
    with step("import the images of Argo"):
        workflows.import_programs(node.containerd, binaries, node.folder)
    assert {name, PAUSE_IMAGE} <= set(node.containerd.images())
    return name


def install_labelcycle(cluster: Cluster) -> None:
    """Follow manifests/README.md: the folder of manifests, the namespace, the secrets, an overlay of one's own."""
    cluster.folder.mkdir(parents=True)
    manifests, kubectl = cluster.folder / "manifests", cluster.kubectl
    with step("install labelcycle"):
        cluster.labelcycle("manifests", manifests, "--image", cluster.image)
        cluster.labelcycle("argo", "--output", manifests, "--image", cluster.image, "--profile", HERE / "profile.yaml")
        kubectl("apply", f"--filename={manifests / 'base' / 'namespace.yaml'}")
        secret = ["create", "secret", "generic"]
        kubectl(
            *secret,
            "labelcycle-storage",
            f"--from-literal=AWS_ACCESS_KEY_ID={KEY_ID}",
            f"--from-literal=AWS_SECRET_ACCESS_KEY={KEY}",
        )
        kubectl(
            *secret,
            "labelcycle-tracking",
            f"--from-literal=MLFLOW_TRACKING_USERNAME={ACCOUNT[0]}",
            f"--from-literal=MLFLOW_TRACKING_PASSWORD={ACCOUNT[1]}",
        )
        shutil.copytree(HERE / "overlay", cluster.folder / "our-cluster")
        kubectl("apply", f"--kustomize={cluster.folder / 'our-cluster'}")


def tell_how_to_use(cache: Path, cluster: Cluster) -> None:
    """Say how to speak to the cluster that stays, and how to end it."""
    record_kept(cache, cluster.node.namespaces)
    bin_folders = {str(cluster.argo.program.parent), str(cluster.kubectl.program.parent)}
    tell("the cluster stays. To use it:")
    print(f"  export KUBECONFIG={cluster.kubectl.kubeconfig} PATH={os.pathsep.join(sorted(bin_folders))}:$PATH")
    for name, value in cluster.stores.environment.items():
        print(f"  export {name}={value}")
    print("  kubectl config set-context --current --namespace=labelcycle")
    print(f"  logs: {cluster.node.logs}")
    print("To end it:\n  python -m tests.cluster.stop", flush=True)
