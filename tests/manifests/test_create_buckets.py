"""The script of the overlay dev that creates buckets, against an S3 server."""

import importlib.util
import uuid
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.manifests.kustomizations import MANIFESTS


@pytest.fixture
def script(aws_environment: None) -> ModuleType:
    """The script, as a module."""
    path = MANIFESTS / "overlays" / "dev" / "storage" / "create_buckets.py"
    spec = importlib.util.spec_from_file_location("create_buckets", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_buckets_are_created_once(
    script: ModuleType,
    s3_server: str,
    s3_administrator: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    one, two = f"one-{uuid.uuid4().hex}", f"two-{uuid.uuid4().hex}"
    script.main([one])
    s3_administrator.put_object(Bucket=one, Key="kept", Body=b"kept")
    script.main([one, two])
    assert s3_administrator.get_object(Bucket=one, Key="kept")["Body"].read() == b"kept"
    s3_administrator.head_bucket(Bucket=two)
    assert capsys.readouterr().out.splitlines()[1:] == [f"bucket {one}: exists", f"bucket {two}: created"]


def test_a_server_that_does_not_answer_is_waited_for(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(script.time, "sleep", pauses.append)
    with pytest.raises(EndpointConnectionError):
        script.main(["one"], attempts=3)
    assert pauses == [script.PAUSE_SECONDS] * 2
