"""Containers as processes of this machine: command, arguments, environment and outputs as the manifest has them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.pipelines.argo.interpreter.expressions import substitute


@dataclass(frozen=True)
class Pod:
    """What a container was started with, and how it ended."""

    template: str
    command: list[str]
    environment: dict[str, str]
    exit_code: int
    outputs: dict[str, str]
    log: str = ""


class Runner(Protocol):
    """Runs the pod of a container template."""

    def __call__(self, template: dict[str, Any], scope: Mapping[str, str]) -> Pod:
        """Run it, with tags replaced by the scope's values."""


@dataclass(frozen=True)
class Cluster:
    """Secrets and ConfigMaps, by name and key."""

    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    config_maps: dict[str, dict[str, str]] = field(default_factory=dict)

    def environment(self, variables: list[dict[str, Any]]) -> dict[str, str]:
        """The variables that a pod gets; Kubernetes does not start a pod that refers to something missing."""
        values = {}
        for variable in variables:
            source = variable.get("valueFrom")
            if source is None:
                values[variable["name"]] = variable["value"]
                continue
            [(kind, reference)] = source.items()
            things = {"secretKeyRef": self.secrets, "configMapKeyRef": self.config_maps}[kind]
            value = things.get(reference["name"], {}).get(reference["key"])
            if value is not None:
                values[variable["name"]] = value
            elif not reference.get("optional"):
                raise LookupError(f"CreateContainerConfigError: {kind} {reference} does not exist")
        return values


class Processes:
    """Runs `labelcycle` of this Python's environment in place of the image; each emptyDir is a temporary folder."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __call__(self, template: dict[str, Any], scope: Mapping[str, str]) -> Pod:
        with tempfile.TemporaryDirectory() as folder:
            mounts = {mount["mountPath"]: mount["name"] for mount in template["container"]["volumeMounts"]}
            for name in mounts.values():
                Path(folder, name).mkdir()
            there = substitute(_moved(template, {path: f"{folder}/{name}" for path, name in mounts.items()}), scope)
            container = there["container"]
            command = [*container["command"], *container["args"]]
            environment = self.cluster.environment(container["env"])
            ended = subprocess.run(
                [str(Path(sys.executable).with_name(command[0])), *command[1:]],
                env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"} | environment,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=300,
            )
            outputs = _outputs(there) if ended.returncode == 0 else {}
        return Pod(template["name"], command, environment, ended.returncode, outputs, ended.stdout + ended.stderr)


def _moved(value: Any, folders: Mapping[str, str]) -> Any:
    """The manifest's own paths below a mount, as paths on this machine."""
    if isinstance(value, dict):
        return {key: part if key == "mountPath" else _moved(part, folders) for key, part in value.items()}
    if isinstance(value, list):
        return [_moved(part, folders) for part in value]
    for mount, folder in folders.items():
        if isinstance(value, str) and (value == mount or value.startswith(f"{mount}/")):
            return folder + value.removeprefix(mount)
    return value


def _outputs(template: dict[str, Any]) -> dict[str, str]:
    parameters = template.get("outputs", {}).get("parameters", [])
    return {parameter["name"]: Path(parameter["valueFrom"]["path"]).read_text() for parameter in parameters}
