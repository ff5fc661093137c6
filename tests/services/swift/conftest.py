"""A Swift cluster for the whole session, AWS settings that name it, and roots on it."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3.session
import pytest

from labelcycle.components.core.storage import Store, open_store
from tests.services.swift.cluster import SwiftCluster
from tests.services.swift.configuration import ACCESS_KEY, SECRET_KEY

BINARIES = Path(__file__).parents[3] / ".venv-swift" / "bin"


@pytest.fixture(scope="session")
def session_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwiftCluster]:
    """The cluster, running; it ends with the session."""
    assert (BINARIES / "swift-proxy-server").exists(), f"Swift is not in {BINARIES}. Install it: make test-services"
    cluster = SwiftCluster(tmp_path_factory.mktemp("swift") / "cluster", BINARIES)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(session_cluster: SwiftCluster) -> SwiftCluster:
    """The cluster, running whatever the test before has done to it."""
    if not session_cluster.running:
        session_cluster.start()
    return session_cluster


@pytest.fixture
def swift(cluster: SwiftCluster, aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> SwiftCluster:
    """The cluster, which the AWS settings of this test name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", cluster.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    return cluster


@pytest.fixture(scope="session")
def administrator(session_cluster: SwiftCluster) -> Any:
    """A client to prepare buckets with; one for all tests, because making a client is slow."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=session_cluster.endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
    )


@pytest.fixture
def bucket(swift: SwiftCluster, administrator: Any) -> str:
    """A bucket that no other test uses."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    administrator.create_bucket(Bucket=name)
    return name


@pytest.fixture
def swift_root(bucket: str) -> str:
    """A root on Swift that no other test uses."""
    return f"s3://{bucket}/campaign"


@pytest.fixture
def store(swift_root: str) -> Store:
    """The store at that root."""
    return open_store(swift_root)


@pytest.fixture
def store_root(store: Store) -> str:
    """The root of `store`, by the name that the tests of every store know it by."""
    return store.root
