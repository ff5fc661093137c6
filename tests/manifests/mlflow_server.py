"""The MLflow server of an overlay, as its Deployment starts it: command line, environment, and the file of users."""

import configparser
from dataclasses import dataclass
from typing import Any

from tests.manifests.inventory import of_kind
from tests.manifests.kustomizations import Object

SECRET = "a secret"
"""Stands for whatever the reader's secrets hold."""


@dataclass(frozen=True)
class Server:
    """How the server is started.

    Attributes:
        arguments: what follows `mlflow server`.
        environment: all variables, with SECRET for those that come from secrets.
        users: the content of basic_auth.ini.
        container, pod: as they stand in the Deployment.
    """

    arguments: list[str]
    environment: dict[str, str]
    users: str
    container: dict[str, Any]
    pod: dict[str, Any]

    @property
    def users_settings(self) -> configparser.SectionProxy:
        """The settings of basic_auth.ini."""
        parser = configparser.ConfigParser()
        parser.read_string(self.users)
        return parser["mlflow"]


def server_of(objects: list[Object]) -> Server:
    """Read the server out of the objects of an overlay."""
    deployment = next(given for given in of_kind(objects, "Deployment") if given["metadata"]["name"] == "mlflow")
    maps = {given["metadata"]["name"]: given["data"] for given in of_kind(objects, "ConfigMap")}
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["command"] == ["mlflow", "server"]
    environment: dict[str, str] = {}
    for source in container["envFrom"]:
        environment |= maps[source["configMapRef"]["name"]]
    for variable in container["env"]:
        environment[variable["name"]] = _value(variable, maps)
    users = next(volume for volume in pod["volumes"] if volume["name"] == "authentication")["configMap"]["name"]
    return Server(container["args"], environment, maps[users]["basic_auth.ini"], container, pod)


def _value(variable: dict[str, Any], maps: dict[str, dict[str, str]]) -> str:
    if "value" in variable:
        return str(variable["value"])
    source = variable["valueFrom"]
    if "configMapKeyRef" in source:
        return maps[source["configMapKeyRef"]["name"]][source["configMapKeyRef"]["key"]]
    return SECRET
