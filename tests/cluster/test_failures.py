"""What ends otherwise than well ends as pipelines/argo/README.md says, each with the message that names the remedy."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.campaigns import BUCKET, Campaigns
from tests.cluster.cluster import HERE, Cluster
from tests.cluster.progress import step
from tests.cluster.workflows import nodes_of

UNREACHABLE = "http://10.244.0.1:9"


@pytest.fixture(scope="module")
def begun(cluster: Cluster, campaigns: Campaigns) -> dict[str, str]:
    """Workflows that must fail, each on a root of its own, so that none waits for another: what is wrong → name."""
    root = campaigns.begin("failures", "--budget", 8, "--batch", 8)
    kubectl, argo = cluster.kubectl, cluster.argo
    wrong = "--from-literal=AWS_ACCESS_KEY_ID=somebody-else", "--from-literal=AWS_SECRET_ACCESS_KEY=wrong"
    kubectl("create", "secret", "generic", "wrong-key", *wrong)
    settings = kubectl.get("configmap", "labelcycle-settings")["data"] | {"AWS_ENDPOINT_URL": UNREACHABLE}
    kubectl("create", "configmap", "dead-endpoint", *(f"--from-literal={key}={settings[key]}" for key in settings))
    install_wrong_image(cluster)
    return {
        "image": argo.submit("wrong-image", root=root),
        "campaign": argo.submit(root=f"s3://{BUCKET}/nothing-here"),
        "secret": argo.submit(root=f"{root}-secret", storage_secret="nothing-there"),
        "key": argo.submit(root=f"{root}-key", storage_secret="wrong-key"),
        "endpoint": argo.submit(root=f"{root}-endpoint", settings_map="dead-endpoint"),
    }


def install_wrong_image(cluster: Cluster) -> None:
    """A second template of cycles, whose image is nowhere and whose pods give up after two minutes."""
    folder = cluster.folder / "wrong-image"
    folder.mkdir()
    profile = yaml.safe_load((HERE / "profile.yaml").read_text())
    profile["every"] |= {"timeout_seconds": 60, "pull_seconds": 60}
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile))
    named = ["--image", "registry.example.com/no-such-image:1", "--profile", folder / "profile.yaml"]
    cluster.labelcycle("argo", "--output", folder, *named)
    template = yaml.safe_load(next(folder.rglob("cycle.yaml")).read_text())
    template["metadata"]["name"] = "wrong-image"
    cluster.kubectl.apply(yaml.safe_dump(template))


def ended(cluster: Cluster, name: str) -> dict[str, Any]:
    with step(f"wait for the end of {name}"):
        return cluster.argo.await_end(name)


TOLD = "notify"
"""The stage that the exit hook runs."""


def pods_of(workflow: dict[str, Any], told: bool = False) -> list[dict[str, Any]]:
    """The pods of the stages that do a cycle's work, or of the exit hook."""
    return [node for node in nodes_of(workflow) if (node["templateName"] == TOLD) == told]


def tries(workflow: dict[str, Any]) -> list[str]:
    """The exit codes of the pods of the first stage; those that never began have none."""
    return [node.get("outputs", {}).get("exitCode", "") for node in pods_of(workflow)]


def log_of(cluster: Cluster, name: str) -> str:
    """What the failed stages printed, as `argo logs` shows it."""
    return cluster.argo("logs", name)


def test_a_missing_campaign_fails_at_once(cluster: Cluster, begun: dict[str, str]) -> None:
    workflow = ended(cluster, begun["campaign"])
    assert (workflow["status"]["phase"], tries(workflow)) == ("Failed", ["1"])
    assert "labelcycle init" in log_of(cluster, begun["campaign"])


def test_a_failure_runs_the_exit_hook(cluster: Cluster, begun: dict[str, str]) -> None:
    """It looks for the campaign, to see whom it has to tell. test_campaign.py sees that success has no such pod."""
    [pod] = pods_of(ended(cluster, begun["campaign"]), told=True)
    assert pod["outputs"]["exitCode"] == "1" and "Error (exit code 1)" in pod["message"]
    given = {parameter["name"]: parameter["value"] for parameter in pod["inputs"]["parameters"]}
    assert given["failure"] == f"{begun['campaign']} ended as Failed; its failed pods say why"


def test_a_key_that_s3_refuses_fails_at_once(cluster: Cluster, begun: dict[str, str]) -> None:
    workflow = ended(cluster, begun["key"])
    assert (workflow["status"]["phase"], tries(workflow)) == ("Failed", ["1"])
    assert "AWS_ACCESS_KEY_ID" in log_of(cluster, begun["key"])


def test_a_missing_secret_fails_at_once(cluster: Cluster, begun: dict[str, str]) -> None:
    """Its keys are optional, because a cluster may give rights to the account: the stage says what is missing."""
    workflow = ended(cluster, begun["secret"])
    assert (workflow["status"]["phase"], tries(workflow)) == ("Failed", ["1"])
    assert "AWS_ACCESS_KEY_ID" in log_of(cluster, begun["secret"])


def test_an_endpoint_where_nobody_answers_is_tried_again(cluster: Cluster, begun: dict[str, str]) -> None:
    workflow = ended(cluster, begun["endpoint"])
    assert (workflow["status"]["phase"], tries(workflow)) == ("Failed", ["2", "2", "2"])
    told = log_of(cluster, begun["endpoint"])
    assert "Cannot reach S3" in told and UNREACHABLE in told


def test_a_wrong_image_ends_at_the_pods_deadline(cluster: Cluster, begun: dict[str, str], tmp_path: Path) -> None:
    workflow = ended(cluster, begun["image"])
    assert workflow["status"]["phase"] == "Failed"
    [pod] = pods_of(workflow)
    assert "longer than the specified deadline" in pod["message"]
    events = cluster.kubectl("get", "events", "--field-selector=reason=Failed", "--output=jsonpath={.items[*].message}")
    assert "no-such-image" in events
