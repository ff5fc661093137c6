"""What a campaign on the cluster needs outside of it: an S3 server and an MLflow server, at the bridge's address.

Between them and their clients is a proxy, which lets them answer 503 or slowly when a test wants it.
"""

import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3.session
import requests

from tests.cluster.namespaces import GATEWAY, NODE
from tests.cluster.node import Node
from tests.cluster.processes import Server

S3_PORT, MLFLOW_PORT = 9000, 5000
BEHIND_THE_PROXY = 10000
"""Added to a port: where the server itself listens."""

KEY_ID, KEY = "labelcycle", "the-key-of-the-stages"
ADMINISTRATOR = ("administrator", "the-administrators-password")
ACCOUNT = ("labelcycle", "the-password-of-the-stages")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stores:
    """Both servers, running in the node's namespaces: they end with them.

    Attributes:
        s3, mlflow: the servers, which tests may stop and start.
        states: a folder with a file for each, by name, which says how it answers: see `tests.cluster.proxy`.
    """

    s3: Server
    mlflow: Server
    states: Path

    s3_for_pods = f"http://{GATEWAY}:{S3_PORT}"
    s3_for_tests = f"http://{NODE}:{S3_PORT}"
    mlflow_for_pods = f"http://{GATEWAY}:{MLFLOW_PORT}"
    mlflow_for_tests = f"http://{NODE}:{MLFLOW_PORT}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which the command on this machine reaches the campaigns and MLflow."""
        return {
            "AWS_ENDPOINT_URL": self.s3_for_tests,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "MLFLOW_TRACKING_URI": self.mlflow_for_tests,
            "MLFLOW_TRACKING_USERNAME": ACCOUNT[0],
            "MLFLOW_TRACKING_PASSWORD": ACCOUNT[1],
        }

    def client(self) -> Any:
        """A client of the S3 server."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.s3_for_tests,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=KEY,
            region_name="us-east-1",
        )


def start_stores(node: Node) -> Stores:
    """Start both on a node, where they end with it, and give MLflow the account of the stages."""
    folder, namespaces, logs = node.folder / "mlflow", node.namespaces, node.logs
    folder.mkdir()
    accounts = folder / "accounts.ini"
    accounts.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder / 'accounts.db'}\n"
        f"admin_username = {ADMINISTRATOR[0]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"
    )
    here = {"PYTHONPATH": str(ROOT)}
    states = node.folder / "answers"
    states.mkdir()
    ports = {"s3": S3_PORT, "mlflow": MLFLOW_PORT}
    gates = [f"{port}:{port + BEHIND_THE_PROXY}:{states / name}" for name, port in ports.items()]
    proxy = Server("proxy", namespaces, [sys.executable, "-m", "tests.cluster.proxy", *gates], logs, here)
    behind = str(S3_PORT + BEHIND_THE_PROXY)
    by_path = here | {"S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"}  # buckets are never in the name of the host
    s3 = Server("s3", namespaces, [sys.executable, "-m", "tests.cluster.s3_server", behind, KEY_ID], logs, by_path)
    listening = [f"--port={MLFLOW_PORT + BEHIND_THE_PROXY}", "--workers=1", "--app-name=basic-auth"]
    kept = [f"--backend-store-uri=sqlite:///{folder / 'mlflow.db'}", f"--artifacts-destination={folder / 'files'}"]
    settings = {
        "MLFLOW_AUTH_CONFIG_PATH": str(accounts),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMINISTRATOR[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-key-of-the-tests",
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"{GATEWAY}:{MLFLOW_PORT},{NODE}:{MLFLOW_PORT}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    mlflow = Server("mlflow", namespaces, [sys.executable, "-m", "mlflow", "server", *listening, *kept], logs, settings)
    stores = Stores(s3, mlflow, states)
    node.servers |= {"proxy": proxy, "s3": s3, "mlflow": mlflow}
    for server in (proxy, s3, mlflow):
        server.start()
    s3.await_answer(lambda: answers(stores.s3_for_tests, but=403), 300)
    mlflow.await_answer(lambda: answers(f"{stores.mlflow_for_tests}/health"), 600)
    account = {"username": ACCOUNT[0], "password": ACCOUNT[1]}
    url = f"{stores.mlflow_for_tests}/api/2.0/mlflow/users/create"
    requests.post(url, json=account, auth=ADMINISTRATOR, timeout=60).raise_for_status()
    return stores


def answers(address: str, but: int = 200) -> bool:
    """Whether a server answers, with this status."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == but)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code == but
    except OSError:
        return False
