from pathlib import Path

import pytest

from labelcycle.components.tracking.location import TrackingLocation, tracking_location, without_credentials


class StoreAt:
    def __init__(self, root: str) -> None:
        self.root = root


def test_a_folder_keeps_its_own_database(tmp_path):
    found = tracking_location(StoreAt(str(tmp_path)))
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    artifacts = (tmp_path / "mlartifacts").as_uri()
    assert found == TrackingLocation(uri, uri, artifacts, tmp_path / "mlflow.db.lock")


def test_a_campaign_in_s3_has_its_database_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tracking_location(StoreAt("s3://bucket/prefix")).uri == f"sqlite:///{tmp_path}/mlflow.db"


def test_the_environment_decides(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    found = tracking_location(StoreAt(str(tmp_path)))
    assert found == TrackingLocation("https://mlflow.example", "https://mlflow.example", None, tmp_path / "mlflow.lock")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "https://registry.example")
    found = tracking_location(StoreAt("s3://bucket/prefix"))
    assert found.registry_uri == "https://registry.example"
    assert found.lock is None


@pytest.mark.parametrize("uri", ["sqlite:///mine.db", "sqlite+pysqlite:///mine.db?timeout=5"])
def test_a_relative_database_has_its_artifacts_beside_it(uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    found = tracking_location(StoreAt("s3://bucket/prefix"))
    assert found.artifacts == (Path.cwd() / "mlartifacts").as_uri()
    assert found.lock == Path.cwd() / "mine.db.lock"


def test_a_bare_database_has_its_artifacts_in_the_campaign(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg2://user:word@host/db")
    assert tracking_location(StoreAt("s3://bucket/prefix")).artifacts == "s3://bucket/prefix/mlartifacts"
    assert tracking_location(StoreAt(str(tmp_path))).artifacts == (tmp_path / "mlartifacts").as_uri()
    assert tracking_location(StoreAt("s3://bucket/prefix")).lock is None


def test_credentials_are_cut_out():
    text = "Cannot reach https://user:p%40ss@host:5000/api, nor http://token@other/"
    assert without_credentials(text) == "Cannot reach https://host:5000/api, nor http://other/"
    assert without_credentials("postgresql://user:p@ss@host/db") == "postgresql://host/db"
