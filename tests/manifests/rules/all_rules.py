"""The rules that the objects of every overlay keep to. Each takes the objects and returns what breaks it."""

from collections.abc import Callable

from tests.manifests.kustomizations import Object
from tests.manifests.rules import access, containers, network, references

Rule = Callable[[list[Object]], list[str]]

RULES: list[Rule] = [
    containers.resources_named,
    containers.restricted,
    containers.images_fixed,
    containers.root_read_only,
    containers.namespaces_enforce,
    references.references_exist,
    references.no_secret_values,
    references.accounts_exist,
    references.accounts_used,
    references.pods_without_account_have_no_token,
    references.services_select,
    references.budgets_select,
    network.policies_select,
    network.denied_by_default,
    network.peers_named,
    network.flows_open_at_both_ends,
    access.no_wildcards,
    access.rights_listed,
]
