"""MLflow itself understands how it is started, and takes calls under the names that the cluster has for it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow
import pytest
import sqlalchemy

from tests.manifests.inventory import of_kind
from tests.manifests.kustomizations import OVERLAYS, render
from tests.manifests.mlflow_server import SECRET, Server, server_of

NAMES = ("mlflow", "mlflow.labelcycle", "mlflow.labelcycle.svc", "mlflow.labelcycle.svc.cluster.local")
OWN_HOSTS = [f"{name}{port}" for name in NAMES for port in ("", ":5000")]
OWN_HOSTS += ["localhost:5000", "localhost:8080", "127.0.0.1:5000"]
FOREIGN_HOSTS = ["example.com", "10.0.0.7:5000", "mlflow.example.com:5000", "mlflow:5001"]


@pytest.fixture(params=OVERLAYS)
def server(request: pytest.FixtureRequest) -> Server:
    """The MLflow server of every overlay."""
    return server_of(render(request.param))


@pytest.fixture(scope="module")
def as_read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What MLflow makes of the server of every overlay."""
    given = {}
    for overlay in OVERLAYS:
        started = server_of(render(overlay))
        file = tmp_path_factory.mktemp(overlay) / "basic_auth.ini"
        file.write_text(started.users)
        environment = {**started.environment, "MLFLOW_AUTH_CONFIG_PATH": str(file)}
        hosts = OWN_HOSTS + FOREIGN_HOSTS
        given[overlay] = {"arguments": started.arguments, "environment": environment, "hosts": hosts}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("read_by_mlflow.py"))],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_", "PG"))},
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_command_line_and_environment_are_understood(as_read: dict[str, Any], overlay: str) -> None:
    assert as_read[overlay]["options"] == {
        "host": "0.0.0.0",
        "port": 5000,
        "workers": "1",
        "app_name": "basic-auth",
        "backend_store_uri": "postgresql+psycopg2:///mlflow",
        "artifacts_destination": "s3://labelcycle-mlflow/artifacts",
        "serve_artifacts": True,
    }
    assert as_read[overlay]["jobs"] is False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_names_in_the_cluster_are_answered(as_read: dict[str, Any], overlay: str) -> None:
    assert as_read[overlay]["answered"] == OWN_HOSTS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_users_are_read(as_read: dict[str, Any], overlay: str) -> None:
    assert as_read[overlay]["users"] == {
        "database_uri": "postgresql+psycopg2:///mlflow_users",
        "admin_username": SECRET,
        "admin_password": SECRET,
        "default_permission": "READ",
        "auth_cache_ttl_seconds": 60,
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_address_that_stages_have_is_the_servers(overlay: str) -> None:
    objects = render(overlay)
    service = next(given for given in of_kind(objects, "Service") if given["metadata"]["name"] == "mlflow")
    settings = [given for given in of_kind(objects, "ConfigMap") if given["metadata"]["name"] == "labelcycle-settings"]
    assert settings
    for given in settings:
        address = urlsplit(given["data"]["MLFLOW_TRACKING_URI"])
        assert (address.scheme, address.port) == ("http", service["spec"]["ports"][0]["port"])
        assert address.hostname == f"mlflow.{service['metadata']['namespace']}.svc"
        assert address.netloc in OWN_HOSTS


def test_file_of_users_is_mounted_where_it_is_read(server: Server) -> None:
    mounted = next(given for given in server.container["volumeMounts"] if given["name"] == "authentication")
    assert server.environment["MLFLOW_AUTH_CONFIG_PATH"] == f"{mounted['mountPath']}/basic_auth.ini"
    assert server.environment["MLFLOW_FLASK_SERVER_SECRET_KEY"] == SECRET


def test_addresses_of_databases_hold_neither_password_nor_host(server: Server) -> None:
    for address in (server.environment["MLFLOW_BACKEND_STORE_URI"], server.users_settings["database_uri"]):
        assert sqlalchemy.make_url(address).password is None
        assert sqlalchemy.make_url(address).host is None, "the driver reads PGHOST"
    assert server.environment["PGPASSWORD"] == SECRET
    assert {"PGHOST", "PGPORT", "PGUSER", "PGSSLMODE"} <= server.environment.keys()


def test_database_is_upgraded_first(server: Server) -> None:
    first = server.pod["initContainers"][0]
    assert first["command"] == ["mlflow", "db", "upgrade", "$(MLFLOW_BACKEND_STORE_URI)"]
    assert first["image"] == server.container["image"]
    assert first["envFrom"] == server.container["envFrom"]


def test_probes_ask_what_needs_no_user(server: Server) -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server.container[probe]["httpGet"]["path"] == "/health"


def test_server_is_of_the_clients_version(server: Server) -> None:
    tag = server.container["image"].rpartition(":")[2]
    assert tag.endswith("-full"), "the other image has no driver for Postgres and none for S3"
    assert tag.lstrip("v").split(".")[:2] == mlflow.__version__.split(".")[:2]
