"""Names that pipelines/cluster.py gives are those of the manifests, and every secret is in the instructions."""

import pytest

from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_KEYS, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET
from tests.manifests.inventory import namespace_of, of_kind
from tests.manifests.kustomizations import MANIFESTS, OVERLAYS, render
from tests.manifests.rules.references import OUTSIDE_SECRETS

STAGES_RUN_IN = {
    "argo": ["labelcycle"],
    "argo-events": ["labelcycle"],
    "dev": ["labelcycle"],
    "dev-events": ["labelcycle"],
    "kubeflow": ["labelcycle", "labelcycle-runs"],
}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_of_stages_are_where_they_run(overlay: str) -> None:
    found = [given for given in of_kind(render(overlay), "ConfigMap") if given["metadata"]["name"] == SETTINGS_MAP]
    assert sorted(namespace_of(given) for given in found) == STAGES_RUN_IN[overlay]
    for given in found:
        assert sorted(given["data"]) == sorted(SETTINGS_KEYS)


def test_every_secret_is_in_the_instructions() -> None:
    text = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    assert {STORAGE_SECRET, TRACKING_SECRET, LABELLING_SECRET} <= OUTSIDE_SECRETS.keys()
    for name, keys in OUTSIDE_SECRETS.items():
        assert f"secret generic {name} " in text, f"no line creates {name}"
        for key in keys:
            assert key in text, f"nothing says that {name} has {key}"
