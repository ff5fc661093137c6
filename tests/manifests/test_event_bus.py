"""The event bus asks for a version that Argo Events' controllers know: each release has a list, and refuses others."""

from tests.manifests.inventory import of_kind
from tests.manifests.kustomizations import render

JETSTREAM = {
    ("1.9.0", "1.9.1"): {"2.8.1", "2.8.2", "2.9.1", "2.9.12", "2.9.16"},
    ("1.9.2", "1.9.9"): {"2.8.1", "2.8.2", "2.9.1", "2.9.12", "2.9.16", "2.10.10"},
    ("1.9.10", "1.9.11"): {"2.8.1", "2.8.2", "2.9.1", "2.9.12", "2.9.16", "2.10.29"},
}
"""Versions of JetStream that are fixed, by the first and the last release of Argo Events that has them.

Source: the ConfigMap argo-events-controller-config of manifests/install.yaml in argoproj/argo-events, at each tag.
"""


def test_every_release_has_the_version() -> None:
    [bus] = of_kind(render("argo-events"), "EventBus")
    lacking = [releases for releases, known in JETSTREAM.items() if bus["spec"]["jetstream"]["version"] not in known]
    assert lacking == []
