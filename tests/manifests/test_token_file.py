"""The patch in the instructions that mounts the labelling tool's token: it builds, and two stages have the file."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from labelcycle.components.labelling.label_studio.tokens import TOKEN, TOKEN_FILE
from labelcycle.pipelines.cluster import LABELLING_KEYS
from labelcycle.pipelines.graph import STAGES, slug
from tests.manifests.inventory import Pod, pods
from tests.manifests.kustomizations import MANIFESTS

EXAMPLE = re.compile(r"```yaml\n# our-cluster/kustomization.yaml, for a token in a file\n(.*?)```", re.DOTALL)
CALLERS = {
    f"WorkflowTemplate labelcycle-cycle, template {slug(stage.name)}"
    for stage in STAGES.values()
    if "labelling" in stage.secrets
}


@pytest.fixture
def stages(tmp_path: Path) -> list[Pod]:
    """The pods of stages with the patch."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    match = EXAMPLE.search((MANIFESTS / "README.md").read_text(encoding="utf-8"))
    assert match is not None
    overlay = os.path.relpath(MANIFESTS / "overlays" / "argo", tmp_path)
    (tmp_path / "kustomization.yaml").write_text(match[1].replace("../manifests/overlays/argo", overlay))
    done = subprocess.run(["kubectl", "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = pods(list(yaml.safe_load_all(done.stdout)))
    return [pod for pod in found if pod.owner.startswith("WorkflowTemplate")]


def main(pod: Pod) -> dict[str, Any]:
    """The container of the stage, among those that Argo adds."""
    [container] = [given for given in pod.containers if given["name"] == "main"]
    return container


def file_of(pod: Pod) -> str | None:
    """The file that the pod's variable names."""
    given: dict[str, Any] = {variable["name"]: variable.get("value") for variable in main(pod)["env"]}
    return given.get(TOKEN_FILE)


def test_the_stages_that_call_the_tool_have_the_file_and_no_other_has(stages: list[Pod]) -> None:
    assert len(stages) > len(CALLERS)
    assert {pod.owner for pod in stages if file_of(pod) is not None} == CALLERS


def test_the_file_is_on_a_volume_of_its_own_that_is_read_only(stages: list[Pod]) -> None:
    for pod in stages:
        path = file_of(pod)
        secrets = {volume["name"] for volume in pod.spec["volumes"] if "secret" in volume}
        mounts = [mount for mount in main(pod)["volumeMounts"] if mount["name"] in secrets]
        assert [mount["mountPath"] for mount in mounts] == ([] if path is None else [str(Path(path).parent)])
        assert all(mount["readOnly"] for mount in mounts)


def test_keys_are_the_variables_that_the_client_reads() -> None:
    assert LABELLING_KEYS == (TOKEN,)
