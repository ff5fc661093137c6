"""Campaigns run to their end by the rendered workflows: every container a process, people a function of the test."""

import copy
import csv
import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.components.notification.conftest import Receiver, receiver
from tests.pipelines.argo.conftest import Manifests, workflow
from tests.pipelines.argo.interpreter.engine import Workflow
from tests.pipelines.argo.interpreter.pods import Cluster, Processes

__all__ = ["receiver"]

Submit = Callable[..., Workflow]


def test_people_label_images_until_the_budget_is_spent(
    submit: Submit, processes: Processes, begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path
) -> None:
    """The labels come in a file that people name when they resume; before it is complete the workflow waits again."""
    campaign = begin_on_images(labels_from=None, budget=8, batch=8, recipe="random")
    answers = dict(csv.reader(pictures.labels.read_text().splitlines()))
    visits: list[dict[str, str]] = []

    def people(inputs: dict[str, str]) -> dict[str, str]:
        visits.append(inputs)
        [handed_out] = Path(campaign.root, "queries").glob("*.csv")
        asked = [row["sample_id"] for row in csv.DictReader(handed_out.read_text().splitlines())]
        file = tmp_path / "answers.csv"
        few = asked[: 3 if len(visits) == 1 else None]
        file.write_text("sample_id,label\n" + "".join(f"{name},{answers[name]}\n" for name in few))
        return {"labels_from": str(file)}

    workflow = submit("labelcycle-campaign", processes, people, root=campaign.root)
    assert workflow.ended == "Succeeded", workflow.pods[-1].log
    assert [visit["labels_from"] for visit in visits] == ["", str(tmp_path / "answers.csv")]
    assert campaign.state.phase == "done" and len(campaign.state.trained) == 1
    cold = ["label-ingest", "embed", "select", "publish", "label-ingest"]
    train = ["embed", "train-adapter", "embed", "score", "select", "evaluate", "publish"]
    assert workflow.stages == [*cold, *["label-ingest"] * 3, *train, "label-ingest"]


def test_a_schedule_that_comes_too_early_or_too_late_ends_after_its_first_pod(
    processes: Processes, manifests: Manifests, begin_on_images: Callable[..., Any], pictures: Any
) -> None:
    """What the cron workflow starts, but for its root."""
    campaign = begin_on_images(labels_from=None, budget=8, batch=8, recipe="random")
    campaign.run_cycle()
    before = campaign.files()
    spec = copy.deepcopy(manifests["workflows/schedule.yaml"]["spec"]["workflowSpec"])
    spec["arguments"]["parameters"] = [{"name": "root", "value": campaign.root}]
    waiting = workflow(manifests, processes)
    assert (waiting.run(spec), waiting.stages) == ("Succeeded", ["label-ingest"])
    assert waiting.pods[0].outputs["decision"] == "wait" and "have no label in" in waiting.pods[0].outputs["reason"]
    assert campaign.files() == before
    campaign.run_cycle(labels_from=str(pictures.labels))
    late = workflow(manifests, processes)
    assert (late.run(spec), late.stages) == ("Succeeded", ["label-ingest"])
    assert late.pods[0].outputs["decision"] == "done"


def test_any_number_of_shards_gives_the_same_query(
    submit: Submit, processes: Processes, begin: Callable[..., Any]
) -> None:
    """A cycle in three shards, and in one on a copy of the campaign, whose stages run in this process."""
    campaign = begin(budget=16, batch=8)
    campaign.run_cycle()
    other = str(shutil.copytree(campaign.root, f"{campaign.root}-other"))
    campaign.run_cycle()
    split = submit("labelcycle-cycle", processes, root=other, shards=3)
    assert split.ended == "Succeeded", split.pods[-1].log
    assert (split.stages.count("score"), split.stages.count("embed")) == (3, 6)
    queries = [Path(root, "queries", "cycle-0001.csv").read_text() for root in (campaign.root, other)]
    assert queries[0] == queries[1] and queries[0].count("\n") == 9


def test_wrong_input_is_not_tried_again(submit: Submit, processes: Processes, tmp_path: Path) -> None:
    refused = submit("labelcycle-cycle", processes, root=tmp_path / "nothing-here")
    assert (refused.ended, refused.stages) == ("Failed", ["label-ingest", "notify"])
    assert [pod.exit_code for pod in refused.pods] == [1, 1]
    assert "labelcycle init" in refused.pods[0].log
    assert refused.pods[0].message == "main: Error (exit code 1)", "nothing hides how the stage ended"


def test_a_stage_that_takes_too_long_ends_itself_and_is_tried_again(manifests: Manifests) -> None:
    """By the variable that the manifest gives it; the object store takes the call and says nothing."""
    changed = copy.deepcopy(manifests)
    [stage] = [each for each in changed["workflows/cycle.yaml"]["spec"]["templates"] if each["name"] == "label-ingest"]
    [given] = [each for each in stage["container"]["env"] if each["name"] == "LABELCYCLE_STAGE_SECONDS"]
    given["value"], stage["retryStrategy"]["limit"] = "2", "1"
    del changed["workflows/cycle.yaml"]["spec"]["hooks"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        credentials = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        cluster = Cluster({"labelcycle-storage": credentials}, {"labelcycle-settings": settings})
        late = workflow(changed, Processes(cluster))
        assert late.run({"workflowTemplateRef": {"name": "labelcycle-cycle"}}) == "Failed"
    assert [(pod.exit_code, pod.message) for pod in late.pods] == [(2, "main: Error (exit code 2)")] * 2
    assert "Stage label_ingest has taken the 2 s that it may take" in late.pods[0].log
    assert "timeout_seconds of label_ingest in the profile" in late.pods[0].log


def test_a_store_that_does_not_answer_is_tried_again(manifests: Manifests) -> None:
    """Its address and credentials come from the ConfigMap and the secret that the submission names."""
    settings = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "us-east-1"}
    credentials = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    cluster = Cluster(secrets={"own-storage": credentials}, config_maps={"own-settings": settings})
    names = {"root": "s3://bucket/prefix", "storage_secret": "own-storage", "settings_map": "own-settings"}
    given = [{"name": name, "value": value} for name, value in names.items()]
    failed = workflow(manifests, Processes(cluster))
    spec = {"workflowTemplateRef": {"name": "labelcycle-cycle"}, "arguments": {"parameters": given}}
    assert (failed.run(spec), [pod.exit_code for pod in failed.pods]) == ("Failed", [2, 2, 2, 2, 2])
    assert failed.stages == [*["label-ingest"] * 3, *["notify"] * 2]
    assert "Cannot reach S3" in failed.pods[0].log and "127.0.0.1:9" in failed.pods[0].log
    assert credentials.items() <= failed.pods[0].environment.items()


def test_people_are_told_of_a_workflow_that_fails(
    submit: Submit, processes: Processes, begin: Callable[..., Any], receiver: Receiver
) -> None:
    """By the address in the secret that the manifests name; what `label_ingest` refuses it tells by itself."""
    processes.cluster.secrets["labelcycle-notification"] = {"LABELCYCLE_WEBHOOK_URL": receiver.url}
    campaign = begin(notify={"webhook": True})
    campaign.run_until("select")
    (Path(campaign.root) / campaign.work.key("results/select.json")).write_text("damaged")
    failed = submit("labelcycle-cycle", processes, root=campaign.root)
    assert (failed.ended, failed.stages[-1]) == ("Failed", "notify"), failed.pods[-1].log
    [(_, body)] = receiver.requests
    assert json.loads(body)["text"].endswith(
        "cycle 0: failed: labelcycle-cycle-abc ended as Failed; its failed pods say why."
    )
    assert submit("labelcycle-cycle", processes, root=campaign.root).ended == "Failed"
    assert len(receiver.requests) == 1
