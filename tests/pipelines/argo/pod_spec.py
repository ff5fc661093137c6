"""The pod that Argo's controller makes of a container template: the stage between `init` and `wait`, then the patches.

Source: argoproj/argo-workflows, workflow/controller/workflowpod.go, and ApplyPodSpecPatch of workflow/util/util.go. The
controller's configuration is that of its own installation: it says nothing about these two containers' rights.
"""

import copy
from typing import Any

import yaml

EXECUTOR = "quay.io/argoproj/argoexec:v4.0.5"
PATCHED_BY_NAME = {"initContainers", "containers", "volumes", "env"}
"""Lists of a pod's spec whose items a strategic merge patch finds by name; it replaces other lists."""


def pod_spec(workflow: dict[str, Any], template: dict[str, Any]) -> dict[str, Any]:
    """The spec of the pod.

    Args:
        workflow: the spec of the workflow that runs the template, which need not be the one that holds it.
        template: with a container.
    """
    given = {**{key: value for key, value in workflow.items() if key != "templates"}, **template}
    kept = ("securityContext", "serviceAccountName", "volumes", "nodeSelector", "tolerations", "activeDeadlineSeconds")
    spec = {key: given[key] for key in (*kept, "automountServiceAccountToken") if key in given}
    main = {"name": "main", **template["container"]}
    spec |= {
        "restartPolicy": "Never",
        "initContainers": [{"name": "init", "image": EXECUTOR, "command": ["argoexec", "init"]}],
        "containers": [main, {"name": "wait", "image": EXECUTOR, "command": ["argoexec", "wait"]}],
    }
    for patch in (workflow.get("podSpecPatch"), template.get("podSpecPatch")):
        spec = _merged(spec, yaml.safe_load(patch)) if patch else spec
    return copy.deepcopy(spec)


def _merged(value: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A strategic merge patch, as far as patches without directives go."""
    merged = dict(value)
    for key, new in patch.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            merged[key] = _merged(old, new)
        elif isinstance(old, list) and key in PATCHED_BY_NAME:
            own = {item["name"]: item for item in old}
            for item in new:
                own[item["name"]] = _merged(own.get(item["name"], {}), item)
            merged[key] = list(own.values())
        else:
            merged[key] = new
    return merged
