"""What `labelcycle submit --wait` says of a run that failed: the stage, its exit code, its last message, its log."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.pipelines.kubeflow.failure import last_error
from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import PipelinesApi
from tests.pipelines.kubeflow.conftest import Answer

Command = Callable[..., Answer]

LOG = """I1129 12:00:00.000000      24 launcher_v2.go:198] publish output artifact
Traceback (most recent call last):
  File "/opt/labelcycle/lib/python3.11/site-packages/kfp/dsl/executor.py", line 405, in execute
    result = self.func(**func_kwargs)
labelcycle.components.core.errors.InputError: Cycle 3 has no usable label: every answer was a skip. Label more samples.
F1129 12:00:01.000000      24 main.go:58] failed to execute component: exit status 1
"""


def node(kind: str, name: str, phase: str, boundary: str = "", **more: Any) -> dict[str, Any]:
    return {"type": kind, "displayName": name, "name": f"wf.{name}", "phase": phase, "boundaryID": boundary, **more}


def workflow(**pods: dict[str, Any]) -> dict[str, Any]:
    """A workflow as Kubeflow makes it: of each stage a driver, and a group with what the driver prepared."""
    nodes = {
        "wf-1": node("DAG", "root", "Failed"),
        "wf-2": node("Pod", "label-ingest-driver", "Succeeded", "wf-1", templateName="system-container-driver"),
        "wf-3": node("DAG", "label-ingest", "Succeeded", "wf-1"),
        "wf-4": node("Pod", "executor", "Succeeded", "wf-3", templateName="system-container-impl"),
        "wf-5": node("Pod", "train-adapter-driver", "Succeeded", "wf-1", templateName="system-container-driver"),
        "wf-6": node("DAG", "train-adapter", "Failed", "wf-1"),
        "wf-7": node("Retry", "executor", "Failed", "wf-6"),
        **{f"wf-{name}": pod for name, pod in pods.items()},
    }
    return {"metadata": {"name": "wf", "namespace": "team-a"}, "status": {"nodes": nodes}}


def failed(name: str = "executor(0)", boundary: str = "wf-6", **more: Any) -> dict[str, Any]:
    pod = {"templateName": "retry-system-container-impl", "message": "main: Error (exit code 1)", "finishedAt": "1"}
    return node("Pod", name, "Failed", boundary, **(pod | more))


@pytest.fixture
def told(
    command: Command, api: PipelinesApi, campaign: Bench, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """A function: what the API shows of a run that fails → what is told of it, without states and the last line."""

    def lines(shown: dict[str, Any] | None, logs: dict[str, str], **run: Any) -> list[str]:
        def end(entry: dict[str, Any]) -> None:
            entry.update(state="FAILED", **run)
            if shown is not None:
                api.show_workflow(entry, shown, logs)

        api.on_read = end
        answer = command("submit", campaign.root, "--wait")
        assert answer.code == 1
        page = f"{api.url}/#/runs/details/{api.runs[-1]['run_id']} shows more. Then submit again."
        assert answer.err.splitlines()[-1] == page
        return [line for line in answer.err.splitlines()[:-1] if "cycle-0000: " not in line]

    return lines


def test_the_stage_its_exit_code_its_message_and_its_log(told: Callable[..., list[str]]) -> None:
    pod = "wf-retry-system-container-impl-8"
    assert told(workflow(**{"8": failed()}), {pod: LOG}) == [
        "error: the run has failed.",
        "Stage train_adapter ended with exit code 1: InputError: Cycle 3 has no usable label: every answer was a skip. "
        f"Label more samples. Its log: kubectl logs --namespace team-a {pod} --container main",
    ]


def test_what_the_stage_left_behind_outranks_its_log(told: Callable[..., list[str]]) -> None:
    message = "main: Error (exit code 1): No campaign at s3://bucket/digits.\nCreate one."
    said = told(workflow(**{"8": failed(message=message)}), {"wf-retry-system-container-impl-8": LOG})
    assert said[1:3] == [
        "Stage train_adapter ended with exit code 1: No campaign at s3://bucket/digits.",
        "Create one. Its log: kubectl logs --namespace team-a wf-retry-system-container-impl-8 --container main",
    ]


def test_what_a_log_holds_steers_no_terminal(told: Callable[..., list[str]]) -> None:
    (_, line) = told(workflow(**{"8": failed(message="main: Error (exit code 1): \x1b[2Jgone")}), {})
    assert line.startswith("Stage train_adapter ended with exit code 1: \\x1b[2Jgone. Its log: ")


def test_of_several_tries_the_last_is_told(told: Callable[..., list[str]]) -> None:
    shown = workflow(**{"8": failed(finishedAt="1"), "9": failed("executor(1)", finishedAt="2")})
    logs = {"wf-retry-system-container-impl-8": LOG, "wf-retry-system-container-impl-9": "ValueError: second"}
    assert [line for line in told(shown, logs) if "train_adapter" in line] == [
        "Stage train_adapter ended with exit code 1: ValueError: second. Its log: kubectl logs --namespace team-a "
        "wf-retry-system-container-impl-9 --container main"
    ]


def test_what_another_try_made_good_is_not_told(told: Callable[..., list[str]]) -> None:
    shown = workflow(**{"8": failed(), "9": failed(boundary="wf-3")})
    assert len(told(shown, {})) == 2


def test_a_stage_that_ran_out_of_memory(told: Callable[..., list[str]]) -> None:
    (_, line) = told(workflow(**{"8": failed(message="main: OOMKilled (exit code 137)")}), {})
    assert line.startswith("Stage train_adapter ended with exit code 137: OOMKilled: it was killed, most likely for")
    assert "memory_limit of train_adapter in the profile" in line


def test_a_pod_that_never_ran(told: Callable[..., list[str]]) -> None:
    reason = 'pods "wf-8" is forbidden: violates PodSecurity "restricted:latest"'
    (_, line) = told(workflow(**{"8": failed(message=reason)}), {})
    assert line.startswith(f"Stage train_adapter failed: {reason}. Its log: ")


def test_a_driver_that_failed_is_kubeflows(told: Callable[..., list[str]]) -> None:
    shown = workflow(**{"8": failed("embed-base-driver", "wf-1", templateName="system-dag-driver")})
    (_, line) = told(shown, {})
    assert line.startswith("Kubeflow's driver of embed-base ended with exit code 1. Its log: ")


def test_nodes_may_be_packed(told: Callable[..., list[str]]) -> None:
    shown = workflow(**{"8": failed()})
    packed = gzip.compress(json.dumps(shown["status"].pop("nodes")).encode())
    shown["status"]["compressedNodes"] = base64.b64encode(packed).decode()
    assert told(shown, {})[1].startswith("Stage train_adapter ended with exit code 1.")


def test_without_the_workflow_the_stages_are_named(told: Callable[..., list[str]]) -> None:
    names = ["root", None, "train-adapter", "executor", "executor(0)", "train", "publish-driver", "embed(0)"]
    tasks = [{"state": "FAILED", **({"display_name": name} if name else {})} for name in names]
    said = told(None, {}, run_details={"task_details": tasks}, error={"code": 13, "message": "quota exceeded"})
    assert said == [
        "error: the run has failed.",
        "Stage embed failed.",
        "Stage train_adapter failed.",
        "quota exceeded",
    ]


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("", ""),
        ("nothing\nof note\n", ""),
        (LOG, "InputError: Cycle 3 has no usable label: every answer was a skip. Label more samples."),
        ("botocore.exceptions.ClientError: denied\nbye", "botocore.exceptions.ClientError: denied"),
        ('{"event": "error", "message": "no such bucket"}\n{"event": "command_ended"}\n{broken', "no such bucket"),
    ],
)
def test_the_last_error_of_a_log(log: str, message: str) -> None:
    assert last_error(log) == message
