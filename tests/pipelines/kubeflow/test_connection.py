"""Finding Kubeflow Pipelines and logging in to it: what works, and what users are told where it does not."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.pipelines.kubeflow.connection import connect
from labelcycle.pipelines.kubeflow.transport import CheckedApiClient
from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import PipelinesApi
from tests.pipelines.kubeflow.conftest import Answer

Command = Callable[..., Answer]


@pytest.mark.parametrize("several_users", [False, True])
def test_what_a_pod_does_without_any_setting(
    monkeypatch: pytest.MonkeyPatch, api: PipelinesApi, tmp_path: Path, several_users: bool
) -> None:
    """Inside a cluster kfp finds the service by its name, and its own namespace and token in files."""
    import kfp
    import kubernetes

    api.several_users = several_users
    api.token = "of the pod"
    (tmp_path / "namespace").write_text("team-a\n")
    (tmp_path / "token").write_text("of the pod\n")
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.setattr(kfp.Client, "_IN_CLUSTER_DNS_NAME", api.url)
    monkeypatch.setattr(kfp.Client, "_NAMESPACE_PATH", str(tmp_path / "namespace"))
    monkeypatch.setattr(kfp.Client, "_LOCAL_KFP_CONTEXT", "/proc/nowhere/context.json")
    monkeypatch.setattr(kubernetes.config, "load_incluster_config", lambda: None)
    kubeflow = connect()
    assert kubeflow.namespace == ("team-a" if several_users else None)
    assert kubeflow.run_page("7") == "/pipeline/#/runs/details/7"


def test_all_services_of_the_client_send_checked_requests(api: PipelinesApi) -> None:
    services = {name: made for name, made in vars(connect().client).items() if name.endswith("_api")}
    assert {"_run_api", "_recurring_run_api", "_experiment_api", "_healthz_api"} <= services.keys()
    senders = {id(service.api_client) for service in services.values()}
    assert len(senders) == 1 and isinstance(services["_run_api"].api_client, CheckedApiClient)


def test_neither_host_nor_cluster(
    command: Command, api: PipelinesApi, campaign: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT")
    answer = command("submit", campaign.root)
    assert answer.code == 1 and "Name it with --host or KF_PIPELINES_ENDPOINT" in answer.err
    assert "kube config" not in answer.out


@pytest.mark.parametrize("words", [["submit"], ["schedule", "--every", "1h"], ["schedule", "--show"]])
def test_no_server(command: Command, api: PipelinesApi, campaign: Bench, words: list[str]) -> None:
    answer = command(words[0], campaign.root, *words[1:], "--host", "http://127.0.0.1:9")
    assert answer.code == 2, answer.err
    assert "http://127.0.0.1:9" in answer.err and "port-forward" in answer.err
    assert len(answer.err.splitlines()) == 1 and not answer.out


def test_a_server_that_never_answers(
    command: Command, api: PipelinesApi, campaign: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelcycle.pipelines.kubeflow.transport.ANSWER_SECONDS", 0.1)
    api.slow_seconds = 0.3
    api.fail("slow", times=1000)
    answer = command("submit", campaign.root)
    assert answer.code == 2 and "timed out" in answer.err


@pytest.mark.parametrize("path", ["healthz", "/runs$"])
def test_one_failure_of_a_request_that_reads_is_passed_over(
    command: Command, api: PipelinesApi, campaign: Bench, path: str
) -> None:
    api.fail(500, "GET", path)
    assert command("submit", campaign.root).code == 0
    assert len(api.runs) == 1


def test_a_server_that_goes_on_failing(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    api.fail(503, times=1000)
    answer = command("submit", campaign.root)
    assert answer.code == 2 and "failed with status 503: made to fail with 503. Run the same command" in answer.err


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("path", ["healthz", "/runs$", "/experiments"])
def test_what_is_not_allowed(command: Command, api: PipelinesApi, campaign: Bench, status: int, path: str) -> None:
    api.fail(status, path=path)
    answer = command("submit", campaign.root)
    assert answer.code == 1 and f"({status}): made to fail with {status}." in answer.err
    assert "LABELCYCLE_KFP_TOKEN" in answer.err
    assert not api.runs


@pytest.mark.parametrize(("method", "path"), [("GET", "healthz"), ("GET", "/runs$"), ("POST", "/runs$")])
def test_a_log_in_page_is_no_empty_list(
    command: Command, api: PipelinesApi, campaign: Bench, name: str, method: str, path: str
) -> None:
    api.add_run(f"{name}-cycle-0000", "RUNNING" if method == "GET" else "FAILED")
    api.fail("html", method, path)
    answer = command("submit", campaign.root)
    assert answer.code == 1 and "LABELCYCLE_KFP_COOKIES" in answer.err and "no JSON" in answer.err
    assert len(api.runs) == 1


def test_a_host_that_is_something_else(command: Command, api: PipelinesApi, campaign: Bench, s3_server: str) -> None:
    for host, said in ((f"{api.url}/elsewhere", "status 404"), (s3_server, "does not answer as a Kubeflow")):
        answer = command("submit", campaign.root, "--host", host)
        assert answer.code == 1 and said in answer.err and "ends in /pipeline" in answer.err


def test_a_refusal_is_quoted(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    api.fail(400, "POST", "/runs$")
    answer = command("submit", campaign.root)
    assert answer.code == 1 and "refuses the request (400): made to fail with 400." in answer.err
    assert api.created("runs") == 1


@pytest.mark.parametrize("typed", ["/pipeline", "/pipeline/", "/pipeline/#/experiments"])
def test_a_path_in_front_is_part_of_all_addresses(
    command: Command, api: PipelinesApi, campaign: Bench, typed: str
) -> None:
    api.prefix = "/pipeline"
    answer = command("submit", campaign.root, "--host", api.url + typed)
    assert answer.out.splitlines()[1] == f"{api.url}/pipeline/#/runs/details/{api.runs[0]['run_id']}"


def test_web_pages_may_be_elsewhere(
    command: Command, api: PipelinesApi, campaign: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://kubeflow.example.org/pipeline/")
    run_page = command("submit", campaign.root).out.splitlines()[1]
    assert run_page == f"https://kubeflow.example.org/pipeline/#/runs/details/{api.runs[0]['run_id']}"


@pytest.mark.parametrize("way", ["variable", "file", "variable of kfp", "cookies"])
def test_ways_to_log_in(
    command: Command,
    api: PipelinesApi,
    campaign: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    secret, flags = tmp_path / "token", []
    secret.write_text("a-token\n")
    if way == "cookies":
        api.cookie = "session=abc"
        monkeypatch.setenv("LABELCYCLE_KFP_COOKIES", "session=abc")
    else:
        api.token = "a-token"
    if way == "variable":
        monkeypatch.setenv("LABELCYCLE_KFP_TOKEN", "a-token")
    elif way == "file":
        flags = ["--token-file", str(secret)]
    elif way == "variable of kfp":
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(secret))
    answer = command("submit", campaign.root, *flags)
    assert answer.code == 0, answer.err


def test_a_wrong_token_is_not_shown(
    command: Command, api: PipelinesApi, campaign: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.token = "right"
    monkeypatch.setenv("LABELCYCLE_KFP_TOKEN", "very-secret")
    answer = command("submit", campaign.root)
    assert answer.code == 1 and "(401)" in answer.err
    assert "very-secret" not in answer.out + answer.err


def test_an_empty_token_file(command: Command, api: PipelinesApi, campaign: Bench, tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    answer = command("submit", campaign.root, "--token-file", tmp_path / "token")
    assert answer.code == 1 and "is empty" in answer.err


def test_namespaces(command: Command, api: PipelinesApi, campaign: Bench, name: str) -> None:
    api.several_users = True
    answer = command("submit", campaign.root)
    assert answer.code == 1 and "--namespace" in answer.err
    answer = command("submit", campaign.root, "--namespace", "team-b")
    assert answer.code == 1 and "not authorized in namespace team-b" in answer.err
    api.add_run(f"{name}-cycle-0000", namespace="team-b")
    answer = command("submit", campaign.root, "--namespace", "team-a")
    assert answer.code == 0 and answer.out.startswith("submitted"), "a run of another namespace does not count"
    assert [entry["namespace"] for entry in api.experiments] == ["team-a"]
    assert command("submit", campaign.root, "--namespace", "team-a").out.startswith("under way already")
    assert command("schedule", campaign.root, "--every", "1h", "--namespace", "team-a").code == 0
    assert command("schedule", campaign.root, "--show", "--namespace", "team-a").out.startswith(f"{name}: on")
    assert [schedule["namespace"] for schedule in api.recurring_runs] == ["team-a"]


def test_the_namespace_of_the_context_file_of_kfp(
    command: Command, api: PipelinesApi, campaign: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kfp

    api.several_users = True
    (tmp_path / "context.json").write_text(json.dumps({"namespace": "team-a"}))
    monkeypatch.setattr(kfp.Client, "_LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
    assert command("submit", campaign.root).code == 0
    (tmp_path / "context.json").write_text("{")
    answer = command("submit", campaign.root)
    assert answer.code == 1 and "~/.config/kfp" in answer.err


def test_kfp_is_loaded_by_the_commands_that_need_it_alone() -> None:
    script = "import sys; import labelcycle.pipelines.cli.main; print('kfp' in sys.modules, 'torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "False False\n"
