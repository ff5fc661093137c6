"""MLflow's settings under labelcycle's own names: used where the platform has none, and for no server but ours."""

import os

import pytest

from labelcycle.components.tracking.location import own_settings, tracking_location
from labelcycle.components.tracking.mlflow_session import mlflow_at

OURS = "http://mlflow.labelcycle.svc:5000"
LOG_IN = {"MLFLOW_TRACKING_USERNAME": "labelcycle", "MLFLOW_TRACKING_PASSWORD": "a-password"}
STORE = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "a-secret"}


class AnyStore:
    root = "s3://bucket/prefix"


@pytest.fixture(autouse=True)
def given(monkeypatch):
    """What a pod of Kubeflow has of the settings map, and of the secrets."""
    for name in (*os.environ,):
        if name.startswith(("MLFLOW_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LABELCYCLE_MLFLOW_TRACKING_URI", OURS)
    for name, value in LOG_IN.items():
        monkeypatch.setenv(f"LABELCYCLE_{name}", value)
    for name, value in STORE.items():
        monkeypatch.setenv(f"LABELCYCLE_STORAGE_{name}", value)


def test_without_a_plug_in_ours_are_mlflows():
    location = tracking_location(AnyStore())
    assert (location.uri, location.registry_uri) == (OURS, OURS)
    before = dict(os.environ)
    with mlflow_at(location):
        assert {**LOG_IN, **STORE, "MLFLOW_TRACKING_URI": OURS}.items() <= os.environ.items()
    assert dict(os.environ) == before


def test_the_platforms_server_outranks_ours_and_never_sees_our_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.platform.example")
    assert tracking_location(AnyStore()).uri == "https://mlflow.platform.example"
    assert own_settings() == STORE


@pytest.mark.parametrize("theirs", ["MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_TOKEN"])
def test_the_platforms_log_in_outranks_ours(monkeypatch, theirs):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{OURS}/")
    assert own_settings() == LOG_IN | STORE, "it is the same server, and the platform has no log-in"
    monkeypatch.setenv(theirs, "of-the-platform")
    assert own_settings() == STORE


def test_empty_ones_are_none(monkeypatch):
    for name in (*os.environ,):
        if name.startswith("LABELCYCLE_"):
            monkeypatch.setenv(name, "")
    assert own_settings() == {}
    assert tracking_location(AnyStore()).uri.startswith("sqlite://")
