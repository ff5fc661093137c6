"""How the workflows go on, retry and end, with stages that only say what the test tells them to."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, get_args

import pytest

from labelcycle.components.label_ingest.stage import Outcome
from labelcycle.pipelines.argo.campaign_workflow import MOST_CYCLES
from tests.conftest import COLD_START, TRAINING
from tests.pipelines.argo.interpreter.engine import DEEPEST, Workflow
from tests.pipelines.argo.interpreter.expressions import substitute
from tests.pipelines.argo.interpreter.pods import Cluster, Pod, saved_outputs

Submit = Callable[..., Workflow]
DEPENDS = (
    ("embed base", "select"),
    ("embed base", "train_adapter"),
    ("train_adapter", "embed tuned"),
    ("embed tuned", "evaluate"),
    ("embed tuned", "score"),
    ("score", "select"),
    ("evaluate", "publish"),
    ("select", "publish"),
)


class Stages:
    """Stands for the image: label_ingest decides what the test says next, and stages end with what it says."""

    def __init__(self, *decisions: str, exit_codes: Mapping[str, list[int]] | None = None) -> None:
        self.decisions: Iterator[str] = iter(decisions)
        self.exit_codes = {name: iter(codes) for name, codes in (exit_codes or {}).items()}

    def __call__(self, template: dict[str, Any], scope: Mapping[str, str]) -> Pod:
        container = substitute(template["container"], scope)
        environment = Cluster().environment(container["env"])
        code = next(self.exit_codes.get(template["name"], iter([0])), 0)
        outputs = {}
        if template["name"] == "label-ingest" and code == 0:
            outputs = {"decision": next(self.decisions), "cycle": "4", "attempt": "abc", "reason": "so"}
        return Pod(template["name"], [*container["command"], *container["args"]], environment, code, outputs)


def labels_given(inputs: dict[str, str]) -> dict[str, str]:
    return {}


@pytest.mark.parametrize(("decision", "stages"), [("cold_start", COLD_START), ("train", TRAINING)])
def test_a_cycle_runs_the_stages_of_the_pipeline(submit: Submit, decision: str, stages: tuple[str, ...]) -> None:
    done = submit("labelcycle-cycle", Stages(decision), root="s3://bucket/prefix")
    assert done.ended == "Succeeded"
    told = [dict(pairwise(pod.command[3:])) for pod in done.pods[1:]]
    names = [
        f"{pod.command[2]} {options.get('--target', '')}".strip()
        for pod, options in zip(done.pods[1:], told, strict=True)
    ]
    assert sorted(names) == sorted(stages)
    assert all(names.index(first) < names.index(second) for first, second in DEPENDS if {first, second} <= set(names))
    work = {(options["--root"], options["--cycle"], options["--attempt"]) for options in told}
    assert work == {("s3://bucket/prefix", "4", "abc")}


def test_each_shard_has_a_pod_of_its_own(submit: Submit) -> None:
    done = submit("labelcycle-cycle", Stages("train"), shards=3)
    for stage in ("embed", "score"):
        pods = [pod.command for pod in done.pods if pod.template == stage]
        shards = [command[command.index("--shard") + 1] for command in pods]
        assert shards == ["0", "1", "2"] * (2 if stage == "embed" else 1)
    [chosen] = [pod.command for pod in done.pods if pod.template == "select"]
    assert chosen[-2:] == ["--shards", "3"]


def test_the_first_stage_is_told_of_labels_and_of_the_final_model(submit: Submit) -> None:
    plain = submit("labelcycle-cycle", Stages("done"))
    final = submit("labelcycle-cycle", Stages("done"), labels_from="s3://bucket/labels.csv", finalize="true")
    assert plain.pods[0].command[5:8] == ["--labels-from", "", "--no-finalize"]
    assert final.pods[0].command[5:8] == ["--labels-from", "s3://bucket/labels.csv", "--finalize"]


@pytest.mark.parametrize(
    ("exit_codes", "pods", "ended"),
    [
        ([1], 1, "Failed"),
        ([3], 1, "Failed"),
        ([2, 0], 2, "Succeeded"),
        ([137, 143, 0], 3, "Succeeded"),
        ([-9, 0], 2, "Succeeded"),
        ([2, 2, 2, 0], 3, "Failed"),
        ([2, 1, 0], 2, "Failed"),
        ([139, 0], 2, "Succeeded"),
    ],
)
def test_what_may_pass_is_tried_again(submit: Submit, exit_codes: list[int], pods: int, ended: str) -> None:
    done = submit("labelcycle-cycle", Stages("train", exit_codes={"train-adapter": exit_codes}))
    assert (done.ended, done.stages.count("train-adapter")) == (ended, pods)
    assert done.stages.count("publish") == (ended == "Succeeded")


def test_a_workflow_that_fails_is_told_of_and_no_other(submit: Submit) -> None:
    for name in ("labelcycle-cycle", "labelcycle-campaign"):
        failed = submit(name, Stages("train", exit_codes={"evaluate": [1]}), root="s3://bucket/prefix")
        assert (failed.ended, failed.stages.count("notify")) == ("Failed", 1)
        assert failed.pods[-1].command[3:] == [
            "--root",
            "s3://bucket/prefix",
            "--failure",
            f"{name}-abc ended as Failed; its failed pods say why",
        ]
        assert failed.pods[-1].environment.keys() >= {"HOME"}
        assert "notify" not in submit(name, Stages("train", "done")).stages


def stages_at_work(done: Workflow) -> list[str]:
    return [name for name in done.stages if name != "notify"]


PULLING = "Pod was active on the node longer than the specified deadline"


@pytest.mark.parametrize(
    ("exit_code", "error", "message", "tries"),
    [
        (-1, True, "pod deleted", 3),
        (-1, False, "The node was low on resource: memory. Threshold quantity: 100Mi, available: 48Mi.", 3),
        (-1, False, "Pod was terminated in response to imminent node shutdown.", 3),
        (-1, False, "Pod was rejected: Node didn't have enough resource: cpu, requested: 1050", 3),
        (-1, True, "init: Error (exit code 64): context deadline exceeded", 3),
        (137, False, "main: OOMKilled (exit code 137)", 3),
        (143, False, "main: Error (exit code 143)", 3),
        (2, False, "main: Error (exit code 2)", 3),
        (0, True, "wait: Error (exit code 64): etcdserver: leader changed", 3),
        (1, False, "main: Error (exit code 1)", 1),
        (1, True, "wait: Error (exit code 64): open /mainctrfs/tmp/outputs/decision: no such file", 1),
        (-1, False, PULLING, 1),
        (137, False, PULLING, 1),
        (-1, True, 'pods "x" is forbidden: violates PodSecurity "restricted:v1.33": allowPrivilegeEscalation', 1),
        (-1, True, 'pods "x" is forbidden: error looking up service account labelcycle/labelcycle-stage', 1),
        (-1, True, 'pods is forbidden: User "system:serviceaccount:argo:argo" cannot create resource "pods"', 1),
        (-1, True, 'Pod "x" is invalid: spec.containers[0].resources.requests: Invalid value: "4"', 1),
        (-1, True, 'Pod failed before main container starts due to ImagePullBackOff: Back-off pulling "x"', 1),
        (
            -1,
            True,
            "Pod failed before main container starts due to CreateContainerConfigError: no secret",
            1,
        ),
    ],
)
def test_what_no_try_can_mend_is_not_tried_again(
    submit: Submit, exit_code: int, error: bool, message: str, tries: int
) -> None:
    """What Argo says of tries, as its controllers of 3.6 to 4.1 and Kubernetes say it."""

    def ends(template: dict[str, Any], scope: Mapping[str, str]) -> Pod:
        return Pod(template["name"], [], {}, exit_code, {}, message=message, error=error)

    failed = submit("labelcycle-cycle", ends)
    assert (failed.ended, len(stages_at_work(failed))) == ("Failed", tries)


def test_a_decision_that_was_not_written_leads_nowhere(submit: Submit) -> None:
    """Argo fills in what a stage left out, also for one that says that it succeeded: no stage may follow on that."""

    def silent(template: dict[str, Any], scope: Mapping[str, str]) -> Pod:
        outputs, complaint = saved_outputs(substitute(template, scope))
        return Pod(template["name"], [], {}, 0, outputs, message=complaint, error=bool(complaint))

    for name in ("labelcycle-cycle", "labelcycle-campaign"):
        done = submit(name, silent, finalize="true")
        assert set(done.stages) == {"label-ingest"}
        assert [set(pod.outputs.values()) for pod in done.pods] == [{"failed"}] * len(done.pods)
    assert "failed" not in get_args(Outcome)


def test_a_campaign_goes_on_by_itself_where_its_labels_are_there_already(submit: Submit) -> None:
    done = submit("labelcycle-campaign", Stages("cold_start", "train", "train", "train", "train", "done"))
    assert (done.ended, done.waits, done.stages.count("train-adapter")) == ("Succeeded", 0, 2)


def test_people_may_end_a_campaign(submit: Submit) -> None:
    done = submit("labelcycle-campaign", Stages("cold_start", "wait"), lambda inputs: {"go_on": "no"})
    assert (done.ended, done.waits, done.stages[-1]) == ("Succeeded", 1, "label-ingest")


def test_the_label_file_that_people_name_holds_until_they_name_another(submit: Submit) -> None:
    supplied: list[dict[str, str]] = [{"labels_from": "s3://bucket/a.csv"}, {}, {"labels_from": ""}, {"go_on": "no"}]
    seen: list[str] = []

    def people(inputs: dict[str, str]) -> dict[str, str]:
        seen.append(inputs["labels_from"])
        return supplied[len(seen) - 1]

    stages = Stages("cold_start", "wait", *("train", "wait") * 3)
    done = submit("labelcycle-campaign", stages, people, labels_from="s3://bucket/first.csv")
    assert seen == ["s3://bucket/first.csv", "s3://bucket/a.csv", "s3://bucket/a.csv", ""]
    read = [pod.command[6] for pod in done.pods if pod.template == "label-ingest"]
    assert read[::2] == read[1::2] == seen


@pytest.mark.parametrize(("finalize", "cycles"), [("false", 1), ("true", 2)])
def test_a_campaign_ends_with_its_final_model_where_asked(submit: Submit, finalize: str, cycles: int) -> None:
    done = submit("labelcycle-campaign", Stages("train", "done", "train"), finalize=finalize)
    assert (done.ended, done.stages.count("publish")) == ("Succeeded", cycles)
    told = ["--finalize" in pod.command for pod in done.pods if pod.template == "label-ingest"]
    assert told == [False, False, True][: len(told)]


@pytest.mark.parametrize(("asked_for", "cycles"), [("3", 3), (str(MOST_CYCLES), MOST_CYCLES), ("99", MOST_CYCLES)])
def test_a_campaign_never_calls_deeper_than_argo_allows(submit: Submit, asked_for: str, cycles: int) -> None:
    stages = Stages(*("train", "wait") * 200)
    done = submit("labelcycle-campaign", stages, labels_given, max_cycles=asked_for)
    assert (done.ended, done.waits, done.stages.count("publish")) == ("Succeeded", cycles - 1, cycles)
    assert done.deepest == 2 * cycles + 4 < DEEPEST


def test_cycles_of_one_campaign_share_a_lock_and_those_of_others_do_not(submit: Submit) -> None:
    roots = ("s3://bucket/a", "s3://bucket/a", "s3://bucket/b")
    locks = [submit("labelcycle-cycle", Stages("wait"), root=root).locks for root in roots]
    [first] = submit("labelcycle-campaign", Stages("cold_start", "done"), root=roots[0]).locks
    assert locks[0] == locks[1] == [first] != locks[2]
    assert first == f"labelcycle-{hashlib.sha256(roots[0].encode()).hexdigest()}"
