"""The overlay of one's own in the instructions builds, and changes what it says it changes."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.manifests.inventory import of_kind
from tests.manifests.kustomizations import MANIFESTS, OVERLAYS

EXAMPLE = re.compile(r"```yaml\n# our-cluster/kustomization.yaml\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_are_changed_everywhere(overlay: str, tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    match = EXAMPLE.search((MANIFESTS / "README.md").read_text(encoding="utf-8"))
    assert match is not None
    path = os.path.relpath(MANIFESTS / "overlays" / overlay, tmp_path)
    text = match[1].replace("../manifests/overlays/argo", path)
    (tmp_path / "kustomization.yaml").write_text(text, encoding="utf-8")
    done = subprocess.run(["kubectl", "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    maps = of_kind(list(yaml.safe_load_all(done.stdout)), "ConfigMap")
    for given in maps:
        if given["metadata"]["name"] == "labelcycle-settings":
            assert given["data"]["AWS_ENDPOINT_URL"] == "https://s3.our-cluster.example.com"
            assert given["data"]["AWS_DEFAULT_REGION"] == "eu-central-1"
    server = next(given["data"] for given in maps if given["metadata"]["name"].startswith("mlflow-settings-"))
    assert server["PGHOST"] == "postgres.databases.svc"
    assert server["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://our-models/mlflow"
    assert server["PGUSER"] == "mlflow", "what is not changed stays"
