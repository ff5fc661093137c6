"""What holds for rights: no wildcard, none for the whole cluster, and none but those that are listed here."""

from tests.manifests.inventory import called, namespace_of, of_kind
from tests.manifests.kustomizations import Object

RIGHTS = {
    ("labelcycle", "labelcycle-stage"): {
        ("argoproj.io", "workflowtaskresults"): {"create", "patch"},
    },
    ("labelcycle", "labelcycle-on-labels"): {
        ("argoproj.io", "workflows"): {"create"},
    },
    ("labelcycle-runs", "labelcycle-submitter"): {
        ("pipelines.kubeflow.org", "experiments"): {"create", "get", "list"},
        ("pipelines.kubeflow.org", "runs"): {"create", "get", "list"},
        ("pipelines.kubeflow.org", "jobs"): {"create", "delete", "disable", "enable", "get", "list"},
    },
}
"""All that an account may do: by account, group and resource, the verbs."""


def no_wildcards(objects: list[Object]) -> list[str]:
    """No role has a wildcard, or holds for the whole cluster."""
    found = [
        f"{called(given)} holds for the cluster" for given in of_kind(objects, "ClusterRole", "ClusterRoleBinding")
    ]
    for given in of_kind(objects, "Role", "ClusterRole"):
        for rule in given["rules"]:
            found += [
                f"{called(given)} has a wildcard in {part}"
                for part in ("apiGroups", "resources", "verbs")
                if any("*" in value for value in rule[part])
            ]
    return found


def rights_listed(objects: list[Object]) -> list[str]:
    """Every account has exactly the rights of the list, in its own namespace."""
    roles = {(namespace_of(given), given["metadata"]["name"]): given for given in of_kind(objects, "Role")}
    held: dict[tuple[str, str], dict[tuple[str, str], set[str]]] = {}
    found = []
    for binding in of_kind(objects, "RoleBinding"):
        role = roles.get((namespace_of(binding), binding["roleRef"]["name"]))
        if role is None:
            found.append(f"{called(binding)} binds a role that is not there")
            continue
        for subject in binding["subjects"]:
            account = (subject.get("namespace", namespace_of(binding)), subject["name"])
            for rule in role["rules"]:
                for resource in ((group, name) for group in rule["apiGroups"] for name in rule["resources"]):
                    held.setdefault(account, {}).setdefault(resource, set()).update(rule["verbs"])
    for (namespace, name), rights in held.items():
        if RIGHTS.get((namespace, name)) != rights:
            found.append(f"{name} in {namespace} has other rights than those listed: {rights}")
    unbound = set(roles) - {
        (namespace_of(given), given["roleRef"]["name"]) for given in of_kind(objects, "RoleBinding")
    }
    return found + [f"role {name} is bound to nobody" for _, name in sorted(unbound)]
