"""A server, or a proxy before it, that answers with what it was sent makes no message tell a secret."""

import base64
from collections.abc import Iterator

import pytest

from labelcycle.components.core.errors import LabelcycleError
from tests.security.leaks import leaks
from tests.security.refusing_server import RefusingServer

SECRETS = {"token": "planted-token.5577aa33-0123456789", "cookies": "session=planted-cookie-99d1"}


@pytest.fixture
def server() -> Iterator[str]:
    with RefusingServer("access-0123456789") as refusing:
        yield refusing.url


def test_kubeflow(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from labelcycle.pipelines.kubeflow.connection import connect

    monkeypatch.setenv("LABELCYCLE_KFP_TOKEN", SECRETS["token"])
    monkeypatch.setenv("LABELCYCLE_KFP_COOKIES", SECRETS["cookies"])
    with pytest.raises(LabelcycleError, match="does not let you do this") as caught:
        connect(server, "namespace")
    assert leaks("message", str(caught.value).encode(), SECRETS) == []


@pytest.mark.parametrize("variables", [("MLFLOW_TRACKING_TOKEN",), ("MLFLOW_TRACKING_PASSWORD",)])
def test_mlflow(server: str, variables: tuple[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    from labelcycle.components.tracking.mlflow_session import translated

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")
    for name in variables:
        monkeypatch.setenv(name, SECRETS["token"])
    with pytest.raises(Exception) as caught:
        MlflowClient(server).search_experiments()
    error = translated(caught.value, server)
    assert error is not None
    assert leaks("message", str(error).encode(), SECRETS) == []
    assert base64.b64encode(f"user:{SECRETS['token']}".encode()).decode() not in str(error)
