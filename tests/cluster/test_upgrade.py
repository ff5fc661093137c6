"""Campaigns that an earlier release began go on by this one: UPGRADE_FROM= names the release, a tag or a commit.

The earlier release's image is built too, which takes as long as this one's, and its own command writes its manifests
and begins the campaigns.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import cgroups
from tests.cluster.cache import cache_folder
from tests.cluster.campaigns import BUCKET, Campaigns
from tests.cluster.cluster import HERE, Cluster
from tests.cluster.image import ROOT, build_image, image_name
from tests.cluster.progress import step
from tests.cluster.stores import KEY, KEY_ID
from tests.cluster.workflows import ENDED, nodes_of
from tests.harness.committed_objects import damaged_objects

VARIABLE = "UPGRADE_FROM"
BUDGET = ("--budget", 16, "--batch", 8)
INSIDE = "/release"


@dataclass(frozen=True)
class Release:
    """An earlier release, whose image the node has.

    Attributes:
        cluster: where it is installed.
        image: its name.
        folder: what it sees as INSIDE, to which its user may write.
    """

    cluster: Cluster
    image: str
    folder: Path

    def labelcycle(self, *words: object) -> None:
        """Run the release's own command, in its own image."""
        stores = self.cluster.stores
        settings = {
            "AWS_ENDPOINT_URL": stores.s3_for_pods,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
        }
        given = [f"--env={name}={value}" for name, value in settings.items()]
        bound = f"--mount=type=bind,src={self.folder},dst={INSIDE},options=rbind:rw"
        command = ["labelcycle-entrypoint", *map(str, words)]
        name = f"release-{time.monotonic_ns()}"
        options = ["--rm", "--net-host", f"--cgroup=/{cgroups.NAME}/{name}", *given, bound]
        self.cluster.node.containerd.ctr("run", *options, self.image, name, *command)

    def install(self) -> None:
        """Install its workflows in place of those that are there."""
        self.cluster.kubectl("apply", f"--kustomize={self.folder / 'manifests' / 'workflows'}")


@pytest.fixture(scope="module")
def earlier(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The earlier release, ready to be installed; afterwards this checkout's workflows are there again."""
    commit = os.environ.get(VARIABLE)
    if not commit:
        pytest.skip(f"name the release to begin with: make test-cluster {VARIABLE}=COMMIT")
    sources, cache = tmp_path_factory.mktemp("sources"), cache_folder()
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract", f"--directory={sources}"], input=packed, check=True)
    name, archive, containerd = image_name(sources), cache / "image.tar", cluster.node.containerd
    if name not in containerd.images():
        build_image(cache, name, archive, sources)
        with step(f"import the image of {commit}"):
            containerd.add(archive)
        archive.unlink()
    folder = cluster.node.folder / "earlier"
    folder.mkdir()
    folder.chmod(0o777)
    release = Release(cluster, name, folder)
    (folder / "profile.yaml").write_text((HERE / "profile.yaml").read_text())
    named = ["--image", name, "--profile", f"{INSIDE}/profile.yaml"]
    release.labelcycle("argo", "--output", f"{INSIDE}/manifests", *named)
    yield release
    upgrade(cluster)


def upgrade(cluster: Cluster) -> None:
    """Install this checkout's workflows, as manifests/README.md says."""
    cluster.kubectl("apply", f"--kustomize={cluster.folder / 'our-cluster'}")


def begun(release: Release, embeddings: Path, name: str) -> tuple[str, str]:
    """A campaign that the earlier release began, in the middle of its first training; its root and its workflow."""
    root = f"s3://{BUCKET}/{name}"
    (release.folder / embeddings.name).write_bytes(embeddings.read_bytes())
    release.install()
    release.labelcycle("init", root, "--embeddings", f"{INSIDE}/{embeddings.name}", *BUDGET)
    workflow = release.cluster.argo.submit("labelcycle-campaign", root=root)
    deadline = time.monotonic() + 600
    while not is_training(release.cluster, workflow):
        assert time.monotonic() < deadline, release.cluster.argo.told(workflow)
        time.sleep(0.5)
    return root, workflow


def is_training(cluster: Cluster, workflow: str) -> bool:
    """Whether a workflow's first training is done, or nearly so, and its cycle is not."""
    found = cluster.argo.workflow(workflow)
    nodes = nodes_of(found) if "nodes" in found.get("status", {}) else []
    return any(node.get("templateName") == "train-adapter" and node["phase"] != "Pending" for node in nodes)


def is_as_it_should_be(campaigns: Campaigns, root: str) -> None:
    """The campaign is done, and every object of it is what its commits say."""
    facts = campaigns.status(root)
    assert (facts["state"], facts["labels"]) == ("done", 16)
    assert damaged_objects(root) == []
    campaigns.cluster.labelcycle("verify", root)


def test_a_cycle_that_the_earlier_release_began_is_finished_by_this_one(
    inside: Cluster, campaigns: Campaigns, earlier: Release, embeddings: Path
) -> None:
    root, workflow = begun(earlier, embeddings, "terminated")
    inside.argo("terminate", workflow)
    upgrade(inside)
    inside.argo.await_end(workflow)
    ended = inside.argo.succeed(inside.argo.submit("labelcycle-campaign", root=root))
    assert any(node.get("templateName") == "publish" for node in nodes_of(ended))
    is_as_it_should_be(campaigns, root)


def test_pods_of_both_releases_at_once(
    inside: Cluster, campaigns: Campaigns, earlier: Release, embeddings: Path
) -> None:
    """A workflow goes on as it began while this release, which has no lock there, runs the campaign here.

    It does no harm, and may fail in the end, where it meets a cycle of this release with what it does not know.
    """
    root, workflow = begun(earlier, embeddings, "beside")
    upgrade(inside)
    inside.labelcycle("run", root)
    assert inside.argo.phase(workflow) not in ENDED, "the workflow was quicker: nothing ran at once"
    inside.argo.await_end(workflow)
    inside.argo.succeed(inside.argo.submit("labelcycle-campaign", root=root))
    is_as_it_should_be(campaigns, root)
