"""Containers as processes of this machine: command, arguments, environment and outputs as the manifest has them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests import blank_figures
from tests.pipelines.argo.interpreter.expressions import substitute
from tests.warm_start import warm_python

PASSED_ON = ("PATH", "OMP_NUM_THREADS", blank_figures.VARIABLE)


@dataclass(frozen=True)
class Pod:
    """What a container was started with, and how it ended.

    Attributes:
        exit_code: of the stage; negative where it has none.
        message: what Argo says of the end, in place of the exit code where something else failed.
        error: whether that is the phase Error: the pod was refused or deleted, or a container failed that Argo added.
    """

    template: str
    command: list[str]
    environment: dict[str, str]
    exit_code: int
    outputs: dict[str, str]
    log: str = ""
    message: str = ""
    error: bool = False

    @property
    def phase(self) -> str:
        """As Argo calls it."""
        if self.error:
            return "Error"
        return "Failed" if self.exit_code else "Succeeded"


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
                [warm_python(), str(Path(sys.executable).with_name(command[0])), *command[1:]],
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ} | environment,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=300,
            )
            outputs, lost = saved_outputs(there)
        message = lost or (f"main: Error (exit code {ended.returncode})" if ended.returncode else "")
        told = ended.stdout + ended.stderr
        return Pod(template["name"], command, environment, ended.returncode, outputs, told, message, error=bool(lost))


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


def saved_outputs(template: dict[str, Any]) -> tuple[dict[str, str], str]:
    """What the executor saves when the stage has ended, however it ended; and its complaint, which is seen first.

    Source: argoproj/argo-workflows, SaveParameters of workflow/executor/executor.go: a file that is missing is an
    error, unless the output has a default.
    """
    outputs = {}
    for parameter in template.get("outputs", {}).get("parameters", []):
        source = parameter["valueFrom"]
        try:
            outputs[parameter["name"]] = Path(source["path"]).read_text().removesuffix("\n")
        except FileNotFoundError:
            if "default" not in source:
                return {}, f"wait: Error (exit code 64): open {source['path']}: no such file or directory"
            outputs[parameter["name"]] = source["default"]
    return outputs, ""
