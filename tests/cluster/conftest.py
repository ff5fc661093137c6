"""A real Kubernetes with Argo's own controller, for the session; skipped unless `make test-cluster` asks for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cache import cache_folder
from tests.cluster.campaigns import Campaigns, on
from tests.cluster.cluster import Cluster, running
from tests.cluster.programs import obstacle
from tests.cluster.stop import stop_kept
from tests.cluster.traces import traces
from tests.conftest import Pictures

HERE = Path(__file__).parent
ENABLED, KEEP = "LABELCYCLE_TEST_CLUSTER", "KEEP"
SECONDS = 7200
"""Only so that nothing waits for ever: the first test waits for builds of an hour."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests their time, and run those that start nodes of their own first: there is room for one node."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(SECONDS))
    items.sort(key=lambda item: item.path != HERE / "test_traces.py")


@pytest.fixture(scope="session")
def cluster_allowed() -> None:
    """Skip, and say why, where there can be no cluster."""
    if os.environ.get(ENABLED) != "1":
        pytest.skip(f"builds and starts a Kubernetes cluster: run make test-cluster ({ENABLED}=1)")
    if reason := obstacle():
        pytest.skip(f"the test cluster {reason}")


@pytest.fixture(scope="session")
def cluster(cluster_allowed: None) -> Iterator[Cluster]:
    """The cluster, with labelcycle installed; at its end what there is on this machine is what there was before."""
    cache, keep = cache_folder(), os.environ.get(KEEP) == "1"
    stop_kept(cache)
    before = traces()
    with running(cache, keep) as cluster:
        yield cluster
    assert keep or traces() == before


@pytest.fixture(scope="session")
def campaigns(cluster: Cluster, pictures: Pictures) -> Campaigns:
    """Campaigns on the cluster's S3 server."""
    return on(cluster, pictures)


@pytest.fixture(scope="module")
def inside(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose S3 server this process reads itself for as long as a module's tests run."""
    with pytest.MonkeyPatch.context() as changed:
        for name, value in cluster.stores.environment.items():
            changed.setenv(name, value)
        yield cluster
