"""Nothing in the manifests refers to what is not there; and what does is found."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.pipelines.argo.conftest import Manifests, render
from tests.pipelines.argo.references import problems

CYCLE, CAMPAIGN = "workflows/cycle.yaml", "workflows/campaign.yaml"


def template(manifests: Manifests, file: str, name: str) -> dict[str, Any]:
    [found] = [each for each in manifests[file]["spec"]["templates"] if each["name"] == name]
    return found


def step(manifests: Manifests, file: str, name: str, step_name: str) -> dict[str, Any]:
    steps = template(manifests, file, name)
    calls = [each for group in steps.get("steps", []) for each in group] + steps.get("dag", {}).get("tasks", [])
    [found] = [each for each in calls if each["name"] == step_name]
    return found


@pytest.mark.parametrize("profile", ["small", "gpu", "a100"])
def test_no_manifest_refers_to_what_is_not_there(profile: str) -> None:
    assert problems(render(profile)) == []


def rename_entrypoint(manifests: Manifests) -> None:
    manifests[CYCLE]["spec"]["entrypoint"] = "cylce"


def call_unknown_template(manifests: Manifests) -> None:
    step(manifests, CYCLE, "train", "score")["template"] = "score-in-shard"


def call_unknown_workflow_template(manifests: Manifests) -> None:
    step(manifests, CAMPAIGN, "round", "cycle")["templateRef"]["name"] = "labelcycle"


def depend_on_unknown_task(manifests: Manifests) -> None:
    step(manifests, CYCLE, "train", "publish")["dependencies"] = ["evaluated"]


def leave_out_argument(manifests: Manifests) -> None:
    step(manifests, CYCLE, "cold-start", "embed-base")["arguments"]["parameters"].pop()


def give_unknown_argument(manifests: Manifests) -> None:
    step(manifests, CYCLE, "cold-start", "select")["arguments"]["parameters"].append({"name": "shards", "value": "1"})


def mistype_output(manifests: Manifests) -> None:
    call = step(manifests, CYCLE, "cycle", "train")
    call["when"] = call["when"].replace("decision", "decison")


def refer_to_later_step(manifests: Manifests) -> None:
    steps = template(manifests, CYCLE, "cycle")["steps"]
    steps.reverse()


def refer_to_step_that_may_be_skipped(manifests: Manifests) -> None:
    step(manifests, CAMPAIGN, "people", "labels")["when"] = "1 < 2"


def mistype_workflow_parameter(manifests: Manifests) -> None:
    args = template(manifests, CYCLE, "evaluate")["container"]["args"]
    args[args.index("{{workflow.parameters.root}}")] = "{{workflow.parameters.rot}}"


def mistype_expression(manifests: Manifests) -> None:
    call = step(manifests, CAMPAIGN, "people", "next")
    call["arguments"]["parameters"][0]["value"] = "{{=asInt(inputs.parameters.nummber) + 1}}"


def call_unknown_function(manifests: Manifests) -> None:
    call = step(manifests, CAMPAIGN, "people", "next")
    call["arguments"]["parameters"][0]["value"] = "{{=toInt(inputs.parameters.number) + 1}}"


def count_unknown_shards(manifests: Manifests) -> None:
    step(manifests, CYCLE, "embed-in-shards", "shard")["withSequence"]["count"] = "{{inputs.parameters.shards}}"


def number_shards_without_sequence(manifests: Manifests) -> None:
    del step(manifests, CYCLE, "score-in-shards", "shard")["withSequence"]


def drop_parameter_that_the_other_template_needs(manifests: Manifests) -> None:
    parameters = manifests[CAMPAIGN]["spec"]["arguments"]["parameters"]
    parameters[:] = [parameter for parameter in parameters if parameter["name"] != "storage_secret"]


def write_outputs_elsewhere(manifests: Manifests) -> None:
    args = template(manifests, CYCLE, "label-ingest")["container"]["args"]
    args[args.index("/tmp/outputs")] = "/tmp/facts"


def read_outputs_where_nothing_is_written(manifests: Manifests) -> None:
    template(manifests, CYCLE, "label-ingest")["outputs"]["parameters"][0]["valueFrom"]["path"] = "/outputs/decision"


def mount_unknown_volume(manifests: Manifests) -> None:
    template(manifests, CYCLE, "select")["volumes"] = []


def leave_template_unused(manifests: Manifests) -> None:
    step(manifests, CYCLE, "train", "score")["template"] = "embed-in-shards"


def name_templates_alike(manifests: Manifests) -> None:
    template(manifests, CAMPAIGN, "people")["name"] = "round"


def schedule_unknown_template(manifests: Manifests) -> None:
    manifests["workflows/schedule.yaml"]["spec"]["workflowSpec"]["workflowTemplateRef"]["name"] = "labelcycle-cylce"


def schedule_with_unknown_parameter(manifests: Manifests) -> None:
    spec = manifests["workflows/schedule.yaml"]["spec"]["workflowSpec"]
    spec["arguments"]["parameters"][0]["name"] = "campaign"


def wait_for_unknown_event(manifests: Manifests) -> None:
    manifests["workflows-on-labels/sensor.yaml"]["spec"]["dependencies"][0]["eventName"] = "label"


def trigger_with_unknown_parameter(manifests: Manifests) -> None:
    [trigger] = manifests["workflows-on-labels/sensor.yaml"]["spec"]["triggers"]
    resource = trigger["template"]["k8s"]["source"]["resource"]
    resource["spec"]["arguments"]["parameters"][0]["name"] = "campaign"


def lock_by_unknown_name(manifests: Manifests) -> None:
    [lock] = template(manifests, CYCLE, "cycle")["synchronization"]["mutexes"]
    lock["name"] = "{{workflow.parameters.campaign}}"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (rename_entrypoint, "entrypoint cylce is no template"),
        (call_unknown_template, "score calls a template that does not exist"),
        (call_unknown_workflow_template, "cycle calls a template that does not exist"),
        (depend_on_unknown_task, "publish depends on evaluated, which is no task"),
        (leave_out_argument, "embed-base does not give target, which embed-in-shards needs"),
        (give_unknown_argument, "select gives shards, which select does not take"),
        (mistype_output, "steps.label-ingest.outputs.parameters.decison is not known there"),
        (refer_to_later_step, "steps.label-ingest.outputs.parameters.cycle is not known there"),
        (refer_to_step_that_may_be_skipped, "steps.labels.outputs.parameters.go_on is not known there"),
        (mistype_workflow_parameter, "workflow.parameters.rot is not known there"),
        (mistype_expression, "inputs.parameters.nummber is not known there"),
        (call_unknown_function, "toInt is not known there"),
        (count_unknown_shards, "inputs.parameters.shards is not known there"),
        (number_shards_without_sequence, "item is not known there"),
        (drop_parameter_that_the_other_template_needs, "needs workflow.parameters.storage_secret"),
        (write_outputs_elsewhere, "nothing writes /tmp/outputs/decision"),
        (read_outputs_where_nothing_is_written, "/outputs/decision is on a file system that is read-only"),
        (mount_unknown_volume, "select: no volume scratch"),
        (leave_template_unused, "template score-in-shards is never used"),
        (name_templates_alike, "two templates have the same name"),
        (schedule_unknown_template, "no workflow template labelcycle-cylce"),
        (schedule_with_unknown_parameter, "labelcycle-cycle has no parameter campaign"),
        (wait_for_unknown_event, "no event label of labelcycle-on-labels"),
        (trigger_with_unknown_parameter, "Sensor: labelcycle-cycle has no parameter campaign"),
        (lock_by_unknown_name, "workflow.parameters.campaign is not known there"),
    ],
    ids=lambda given: given.__name__ if callable(given) else "",
)
def test_what_leads_nowhere_is_found(manifests: Manifests, damage: Callable[[Manifests], None], problem: str) -> None:
    damaged = copy.deepcopy(manifests)
    damage(damaged)
    assert any(problem in found for found in problems(damaged)), problems(damaged)
