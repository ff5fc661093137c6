"""Kubeflow Pipelines' servers beside the node's pods: its database, its metadata, its API, and its two controllers."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from tests.cluster.kubeflow_build import TAG
from tests.cluster.namespaces import GATEWAY, NODE
from tests.cluster.node import Node
from tests.cluster.processes import Server
from tests.cluster.programs import SYSTEM_PATH, program
from tests.cluster.stores import KEY, KEY_ID, ROOT, S3_PORT, answers

NAMESPACE, BUCKET = "kubeflow", "mlpipeline"
API_PORT, API_GRPC_PORT, METADATA_PORT, DATABASE_PORT = 8888, 8887, 8080, 3306
ADDRESS = f"http://{NODE}:{API_PORT}"
DRIVER, LAUNCHER = f"ghcr.io/kubeflow/kfp-driver:{TAG}", f"ghcr.io/kubeflow/kfp-launcher:{TAG}"

NAMES = (
    f"ml-pipeline.{NAMESPACE}.svc.cluster.local",
    f"metadata-grpc-service.{NAMESPACE}.svc.cluster.local",
    f"seaweedfs.{NAMESPACE}",
    f"seaweedfs.{NAMESPACE}.svc",
)
"""What drivers, launchers and Argo's executor call the servers, which are at the bridge's address."""

TOKEN = "/var/run/secrets/kubeflow/tokens/persistenceagent-sa-token"
"""Where the persistence agent reads who it is; the API server of an installation with one user does not look at it."""


def start_servers(node: Node, programs: Path, packages: Path) -> None:
    """Start them on a node, where they end with it, and wait until the API answers.

    Args:
        node: a node whose S3 server answers.
        programs: what `build_kubeflow` built.
        packages: the folder of the metadata server's packages.
    """
    folder, namespaces, logs = node.folder / "kubeflow", node.namespaces, node.logs
    settings = folder / "settings"
    settings.mkdir(parents=True)
    released = json.loads((programs / "config" / "config.json").read_text())
    released.pop("plugins", None)  # of MLflow, at an address of one vendor's product
    (settings / "config.json").write_text(json.dumps(released))
    kubeconfig = {"KUBECONFIG": str(node.kubectl.kubeconfig), "POD_NAMESPACE": NAMESPACE}
    metadata = [sys.executable, "-m", "tests.cluster.metadata_server", f"0.0.0.0:{METADATA_PORT}"]
    api = [str(programs / "apiserver"), f"--config={settings}", "--logtostderr=true", "--logLevel=info"]
    watching = [f"--namespace={NAMESPACE}", f"--kubeconfig={node.kubectl.kubeconfig}"]
    watching += ["--mlPipelineAPIServerName=127.0.0.1"]
    in_utc = {"CRON_SCHEDULE_TIMEZONE": "UTC"}
    servers = {
        "database": Server("database", namespaces, database(folder / "database"), logs),
        "metadata": Server("metadata", namespaces, metadata, logs, {"PYTHONPATH": f"{packages}:{ROOT}"}),
        "kubeflow-api": Server("kubeflow-api", namespaces, api, logs, api_settings() | kubeconfig | in_utc),
    }
    for name, made_of in {"persistence-agent": "persistence", "recurring-runs": "scheduledworkflow"}.items():
        command = [str(programs / made_of), *watching]
        servers[name] = Server(name, namespaces, command, logs, kubeconfig | in_utc)
    namespaces.run("mkdir", "--parents", str(Path(TOKEN).parent))
    namespaces.run("sh", "-c", f"printf token > {TOKEN}")
    node.servers |= servers
    answer = {
        "database": lambda: listens(DATABASE_PORT),
        "metadata": lambda: listens(METADATA_PORT),
        "kubeflow-api": lambda: answers(f"{ADDRESS}/apis/v2beta1/healthz"),
    }
    for name, server in servers.items():
        server.start()
        server.await_answer(answer.get(name, lambda: True), 300)


def database(folder: Path) -> list[str]:
    """Make an empty database; returns the command line that serves it."""
    made = [program("mariadb-install-db"), "--no-defaults", f"--datadir={folder}", "--user=root", "--skip-test-db"]
    done = subprocess.run([*made, "--auth-root-authentication-method=normal"], capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(made)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    options = ["--no-defaults", f"--datadir={folder}", "--user=root", "--socket=/run/database.sock"]
    return [program("mariadbd"), *options, f"--port={DATABASE_PORT}", "--innodb-flush-log-at-trx-commit=0"]


def api_settings() -> dict[str, str]:
    """The environment of the API server, in which the manifests of an installation set the same."""
    database = {"HOST": "127.0.0.1", "PORT": str(DATABASE_PORT), "USER": "root", "PASSWORD": "", "DBNAME": BUCKET}
    store = {"HOST": GATEWAY, "PORT": str(S3_PORT), "SECURE": "false", "BUCKETNAME": BUCKET}
    store |= {"ACCESSKEY": KEY_ID, "SECRETACCESSKEY": KEY}
    names = {"hostAliases": [{"ip": GATEWAY, "hostnames": list(NAMES)}]}
    return {
        **{f"DBCONFIG_MYSQLCONFIG_{key}": value for key, value in database.items()},
        **{f"OBJECTSTORECONFIG_{key}": value for key, value in store.items()},
        "V2_DRIVER_IMAGE": DRIVER,
        "V2_LAUNCHER_IMAGE": LAUNCHER,
        "PIPELINE_LOG_LEVEL": "1",
        "PUBLISH_LOGS": "true",
        "ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_HOST": "127.0.0.1",  # nothing is there, and nothing asks it
        "ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_PORT": "9",
        "COMPILED_PIPELINE_SPEC_PATCH": json.dumps(names),
    }


def listens(port: int) -> bool:
    """Whether a server on the node takes connections."""
    try:
        socket.create_connection((NODE, port), 5).close()
    except OSError:
        return False
    return True


def database_obstacle() -> str | None:
    """Why there can be no database here, and how that is mended; None where there can be one."""
    if all(shutil.which(name, path=SYSTEM_PATH) for name in ("mariadb-install-db", "mariadbd", "my_print_defaults")):
        return None
    return "needs more of Debian: apt-get install --no-install-recommends mariadb-server-core mariadb-client-core"
