"""Credentials go to the server that was configured, and to no other that it sends on to."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.tokens import token_of

SECRET = "planted-0123456789abcdef0123456789abcdef"
PERSONAL = f"aGVhZGVy.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.{SECRET}"

pytestmark = pytest.mark.parametrize("status", [302, 307])


@pytest.fixture
def elsewhere(serve: Callable[..., Any]) -> Any:
    """A server that nobody configured; every request that it gets is remembered."""
    return serve(200, {"Content-Type": "application/json"}, "{}")


@pytest.fixture
def redirecting(serve: Callable[..., Any], elsewhere: Any, status: int) -> Any:
    """The configured server, which sends each request on to the other, under another name of the host."""
    target = elsewhere.url.replace("127.0.0.1", "localhost")
    return serve(status, {"Location": f"{target}/PATH", "x-amz-bucket-region": "evil.example.org/"}, "")


@pytest.mark.parametrize("token", [SECRET, PERSONAL], ids=["legacy", "personal"])
def test_label_studio(redirecting: Any, elsewhere: Any, token: str) -> None:
    server = LabelStudio(redirecting.url, token_of(token, "test"), attempts=1)
    for call in (
        lambda: server.get("/api/projects/"),
        lambda: server.post("/api/projects/", {}),
        lambda: server.patch("/api/tasks/1/", {}),
        lambda: server.delete("/api/tasks/1/"),
    ):
        with pytest.raises(LabelcycleError, match="redirects to http://localhost.*where no token is sent") as caught:
            call()
        assert SECRET not in str(caught.value)
    assert redirecting.received and elsewhere.received == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_object_store(
    redirecting: Any, elsewhere: Any, aws_environment: None, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", redirecting.url)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)
    monkeypatch.setattr("labelcycle.components.core.storage.s3_connection.ATTEMPTS", 1)
    store = open_store("s3://bucket/prefix")
    for call in (lambda: store.read("key"), lambda: store.write_if_absent("key", b"data"), lambda: store.keys("")):
        with pytest.raises((LabelcycleError, FileNotFoundError)) as caught:
            call()
        assert SECRET not in str(caught.value)
    assert redirecting.received and elsewhere.received == []


def test_mlflow(redirecting: Any, elsewhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow follows redirects; what matters is what it takes along."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for variables in (
        {"MLFLOW_TRACKING_USERNAME": "user", "MLFLOW_TRACKING_PASSWORD": SECRET},
        {"MLFLOW_TRACKING_TOKEN": SECRET},
    ):
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            client = MlflowClient(redirecting.url)
            with contextlib.suppress(MlflowException):
                client.search_experiments()
            with contextlib.suppress(MlflowException, AttributeError):
                client.create_experiment("name")
    assert any("Authorization" in sent for sent in redirecting.received)
    assert not any("Authorization" in sent or SECRET in sent for sent in elsewhere.received)


def test_kubeflow(redirecting: Any, elsewhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from labelcycle.pipelines.kubeflow.connection import connect

    monkeypatch.setenv("LABELCYCLE_KFP_TOKEN", SECRET)
    monkeypatch.setenv("LABELCYCLE_KFP_COOKIES", f"session={SECRET}")
    try:
        connect(redirecting.url, "namespace")
    except LabelcycleError as error:
        assert SECRET not in str(error)
    assert any(SECRET in sent for sent in redirecting.received)
    assert not any(SECRET in sent for sent in elsewhere.received)
