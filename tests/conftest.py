"""Fixtures for all tests: an S3 server of our own, and roots on it."""

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3.session
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from labelcycle.components.core.images import source


def one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    """moto's conditional put looks and then writes; a lock makes the two one step, as they are on S3."""
    lock = threading.Lock()

    def answer(environment: dict[str, Any], start_response: Any) -> list[bytes]:
        with lock:
            return list(application(environment, start_response))

    return answer


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of an S3 server that lives as long as the test session."""
    application = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def s3_administrator(s3_server: str) -> Any:
    """A client to prepare buckets with; one for all tests, because making a client is slow."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=s3_server,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    )


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """AWS settings of this test alone: credentials that any test server takes, and none of the machine's own."""
    nowhere = tmp_path_factory.mktemp("aws")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_S3_ADDRESSING_STYLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "credentials"))
    source._client.cache_clear()


@pytest.fixture
def s3_endpoint(s3_server: str, aws_environment: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the S3 server, which the AWS settings of this test name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    return s3_server


@pytest.fixture
def s3_root(s3_endpoint: str, s3_administrator: Any) -> str:
    """A root on S3 that no other test uses: `s3://<new bucket>/prefix`."""
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3_administrator.create_bucket(Bucket=bucket)
    return f"s3://{bucket}/prefix"


@pytest.fixture(params=["folder", "s3"])
def store_root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh root of each kind in turn."""
    if request.param == "folder":
        return str(tmp_path / "campaign")
    root: str = request.getfixturevalue("s3_root")
    return root
