"""How MLflow reads what its servers are given: JSON from standard input to standard output.

A process of its own, because importing MLflow's command line brings up warnings, and its settings are the environment.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import mlflow
from mlflow.cli import server
from mlflow.environment_variables import MLFLOW_SERVER_ENABLE_JOB_EXECUTION
from mlflow.server.security_utils import is_allowed_host_header

OPTIONS = ("host", "port", "workers", "app_name", "backend_store_uri", "artifacts_destination", "serve_artifacts")


def read(arguments: list[str], environment: dict[str, str], hosts: list[str]) -> dict[str, Any]:
    """What MLflow makes of a command line and an environment, and which of the hosts it would answer."""
    os.environ.update(environment)
    options = server.make_context("server", arguments).params
    users = _read_users()
    return {
        "options": {name: options[name] for name in OPTIONS},
        "jobs": MLFLOW_SERVER_ENABLE_JOB_EXECUTION.get(),
        "answered": [host for host in hosts if is_allowed_host_header(options["allowed_hosts"].split(","), host)],
        "users": {
            name: getattr(users, name)
            for name in (
                "database_uri",
                "admin_username",
                "admin_password",
                "default_permission",
                "auth_cache_ttl_seconds",
            )
        },
    }


def _read_users() -> Any:
    """MLflow's reader of basic_auth.ini, without the package around it, which wants more than is installed here."""
    path = Path(mlflow.__file__).parent / "server" / "auth" / "config.py"
    spec = importlib.util.spec_from_file_location("auth_config", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.read_auth_config()


if __name__ == "__main__":
    print(json.dumps({name: read(**given) for name, given in json.load(sys.stdin).items()}))
