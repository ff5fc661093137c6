"""`labelcycle submit`: one run for each cycle, whatever happens on the way."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from labelcycle.pipelines.kubeflow import submission
from labelcycle.pipelines.kubeflow.lookup import name_at
from tests.conftest import Bench, Pictures
from tests.pipelines.kubeflow.api_server import PipelinesApi
from tests.pipelines.kubeflow.conftest import Answer

Command = Callable[..., Answer]
OVER = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
UNDER_WAY = ("PENDING", "RUNNING", "PAUSED", "CANCELING", "RUNTIME_STATE_UNSPECIFIED")


@pytest.mark.system
def test_submit_as_users_do(
    labelcycle: Callable[..., CompletedProcess[str]], api: PipelinesApi, campaign: Bench, name: str
) -> None:
    first = labelcycle("submit", campaign.root, "--shards", 3, "--profile", "gpu", "--service-account", "trainer")
    assert first.returncode == 0, first.stderr
    (run,) = api.runs
    assert first.stdout == f"submitted: {name}-cycle-0000\n{api.url}/#/runs/details/{run['run_id']}\n"
    assert first.stderr == "", "what kfp warns of does not reach users"
    assert (run["display_name"], run["service_account"]) == (f"{name}-cycle-0000", "trainer")
    assert run["runtime_config"]["parameters"] == {
        "root": campaign.root,
        "labels_from": "",
        "finalize": False,
        "shards": 3,
        "storage_secret": "labelcycle-storage",
        "tracking_secret": "labelcycle-tracking",
        "labelling_secret": "labelcycle-labelling",
        "settings_map": "labelcycle-settings",
    }
    assert [entry["display_name"] for entry in api.experiments] == ["labelcycle"]
    again = labelcycle("submit", campaign.root)
    assert again.returncode == 0, again.stderr
    assert again.stdout == f"under way already: {name}-cycle-0000\n{api.url}/#/runs/details/{run['run_id']}\n"
    assert len(api.runs) == api.created("runs") == 1


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_run_under_way_is_found(command: Command, api: PipelinesApi, campaign: Bench, name: str, state: str) -> None:
    run = api.add_run(f"{name}-cycle-0000", state)
    answer = command("submit", campaign.root)
    assert (answer.code, answer.out.splitlines()[0]) == (0, f"under way already: {name}-cycle-0000")
    assert run["run_id"] in answer.out
    assert api.created("runs") == 0


@pytest.mark.parametrize("state", OVER)
def test_a_run_that_ended_where_the_campaign_still_is_allows_another(
    command: Command, api: PipelinesApi, campaign: Bench, name: str, state: str
) -> None:
    api.add_run(f"{name}-cycle-0000", state)
    assert command("submit", campaign.root, "--dry-run").out == f"would submit: {name}-cycle-0000-2\n"


def test_runs_of_one_cycle_are_numbered(command: Command, api: PipelinesApi, campaign: Bench, name: str) -> None:
    for number in ("", "-2", "-3"):
        assert command("submit", campaign.root).out.startswith(f"submitted: {name}-cycle-0000{number}\n")
        assert command("submit", campaign.root).out.startswith(f"under way already: {name}-cycle-0000{number}\n")
        api.runs[-1]["state"] = "FAILED"
    assert api.created("runs") == 3


def test_the_number_goes_on_where_earlier_runs_were_deleted(
    command: Command, api: PipelinesApi, campaign: Bench, name: str
) -> None:
    api.add_run(f"{name}-cycle-0000-12", "FAILED")
    assert command("submit", campaign.root).out.startswith(f"submitted: {name}-cycle-0000-13\n")


def test_runs_of_others_do_not_count(command: Command, api: PipelinesApi, campaign: Bench, name: str) -> None:
    other = name.upper()
    for own in (f"{other}-cycle-0000", f"my-{name}-cycle-0000", f"{name}-cycle-00001", f"{name}-cycle-0000-copy"):
        api.add_run(own)
    assert command("submit", campaign.root).out.startswith(f"submitted: {name}-cycle-0000\n")


def test_of_runs_with_one_name_the_one_under_way_counts(
    command: Command, api: PipelinesApi, campaign: Bench, name: str
) -> None:
    running = api.add_run(f"{name}-cycle-0000", "RUNNING")
    for _ in range(250):
        api.add_run(f"{name}-cycle-0000", "FAILED")
    api.runs.insert(120, api.runs.pop(0))  # on the second page, with others before and behind it
    answer = command("submit", campaign.root)
    assert answer.out == f"under way already: {name}-cycle-0000\n{api.url}/#/runs/details/{running['run_id']}\n"


def test_the_next_cycle_has_a_run_of_its_own_even_if_the_last_ends_while_runs_are_listed(
    command: Command, api: PipelinesApi, begin: Callable[..., Bench], s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = begin(s3_root)
    name = name_at(s3_root, bench.state.campaign)
    api.add_run(f"{name}-cycle-0000", "SUCCEEDED", s3_root)
    look = submission.runs_named

    def list_late(kubeflow: object, wanted: str, root: str) -> object:
        if not bench.state.commits:
            bench.run_cycle()
        return look(kubeflow, wanted, root)  # type: ignore[arg-type]

    monkeypatch.setattr(submission, "runs_named", list_late)
    assert command("submit", s3_root).out.startswith(f"submitted: {name}-cycle-0001\n")


def test_a_run_of_the_schedule_counts(command: Command, api: PipelinesApi, campaign: Bench, name: str) -> None:
    command("schedule", campaign.root, "--every", "1h")
    (schedule,) = api.recurring_runs
    api.add_run("ended", "SUCCEEDED", recurring_run_id=schedule["recurring_run_id"])
    api.add_run("another", recurring_run_id="another")
    run = api.add_run("started by the schedule", recurring_run_id=schedule["recurring_run_id"])
    answer = command("submit", campaign.root)
    assert answer.out == f"under way already: started by the schedule\n{api.url}/#/runs/details/{run['run_id']}\n"
    run["state"] = "SUCCEEDED"
    assert command("submit", campaign.root).out.startswith(f"submitted: {name}-cycle-0000\n")


@pytest.mark.parametrize("fault", ["drop", "slow", "gateway"])
def test_a_lost_answer_leads_to_one_run(
    command: Command, api: PipelinesApi, campaign: Bench, name: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelcycle.pipelines.kubeflow.transport.ANSWER_SECONDS", 0.3)
    api.fail(fault, "POST", "/runs$")
    answer = command("submit", campaign.root)
    assert (answer.code, answer.out.splitlines()[0]) == (0, f"submitted: {name}-cycle-0000"), answer.err
    assert len(api.runs) == api.created("runs") == 1


@pytest.mark.parametrize("fault", ["lose", 500, 503, 429])
def test_a_request_that_was_lost_is_not_repeated_blindly(
    command: Command, api: PipelinesApi, campaign: Bench, name: str, fault: str | int
) -> None:
    api.fail(fault, "POST", "/runs$")
    answer = command("submit", campaign.root)
    assert answer.code == 2
    assert f"Run {name}-cycle-0000 was not created." in answer.err and api.url in answer.err
    assert api.created("runs") == 1 and not api.runs
    assert command("submit", campaign.root).code == 0
    assert len(api.runs) == 1


def test_a_server_that_is_gone_after_the_request_leaves_nothing_unsaid(
    command: Command, api: PipelinesApi, campaign: Bench, name: str
) -> None:
    api.fail("drop", "POST", "/runs$")
    api.faults.append(type(api.faults[0])("503", "GET", "/runs$", times=0))
    look = api.next_fault

    def away_after_creation(method: str, path: str) -> str:
        return "503" if api.runs and method == "GET" else look(method, path)

    api.next_fault = away_after_creation  # type: ignore[method-assign]
    answer = command("submit", campaign.root)
    assert answer.code == 2 and f"not known whether Run {name}-cycle-0000 was created" in answer.err
    api.next_fault = look  # type: ignore[method-assign]
    assert command("submit", campaign.root).out.startswith("under way already")
    assert len(api.runs) == 1


def test_another_process_may_make_the_experiment_meanwhile(
    command: Command, api: PipelinesApi, campaign: Bench
) -> None:
    hidden = api.next_fault

    def make_it_first(method: str, path: str) -> str:
        if (method, path) == ("POST", "/apis/v2beta1/experiments"):
            api._create_experiment({"display_name": "digits"})
        return hidden(method, path)

    api.next_fault = make_it_first  # type: ignore[method-assign]
    answer = command("submit", campaign.root, "--experiment", "digits")
    assert answer.code == 0, answer.err
    assert [entry["display_name"] for entry in api.experiments] == ["digits"]


def test_caching_is_as_compiled_or_off_in_every_part(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    command("submit", campaign.root)
    api.runs[0]["state"] = "FAILED"
    command("submit", campaign.root, "--no-cache")
    cached, not_cached = (json.dumps(run["pipeline_spec"]) for run in api.runs)
    assert "enableCache" in cached and "enableCache" not in not_cached
    assert cached.count("cachingOptions") == not_cached.count("cachingOptions")


def test_names_of_secrets_and_labels_are_arguments(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    secrets = ["--storage-secret", "keys", "--tracking-secret", "mlflow", "--labelling-secret", "tool"]
    settings = ["--settings-map", "addresses", "--labels-from", "s3://labels/answers.csv"]
    answer = command("submit", campaign.root, *secrets, *settings)
    assert answer.code == 0, answer.err
    said = api.runs[0]["runtime_config"]["parameters"]
    assert said["labels_from"] == "s3://labels/answers.csv"
    assert [said[f"{kind}_secret"] for kind in ("storage", "tracking", "labelling")] == ["keys", "mlflow", "tool"]
    assert said["settings_map"] == "addresses"


def test_the_image_is_in_the_package(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    image = "registry.example.org/labelcycle-python:1.2.3"
    assert command("submit", campaign.root, "--image", image).code == 0
    executors = api.runs[0]["pipeline_spec"]["pipeline_spec"]["deploymentSpec"]["executors"].values()
    assert {executor["container"]["image"] for executor in executors} == {image}


@pytest.mark.parametrize(("asked", "scored"), [([], 1), (["--shards", 2], 2)])
def test_the_package_has_tasks_for_what_is_asked_and_none_that_the_recipe_cannot_need(
    command: Command, api: PipelinesApi, campaign: Bench, asked: list[object], scored: int
) -> None:
    """The campaign's recipe leaves the backbone as it is."""
    assert command("submit", campaign.root, *asked).code == 0
    components = api.runs[0]["pipeline_spec"]["pipeline_spec"]["components"]
    tasks = [task for part in components.values() for task in part.get("dag", {}).get("tasks", {}).values()]
    names = [task["taskInfo"]["name"] for task in tasks]
    assert "train_adapter" in names and not [name for name in names if name.startswith("embed tuned")]
    assert len([name for name in names if name.startswith("score")]) == scored


@pytest.mark.parametrize(("events", "told"), [(["cycle_failed"], True), (["budget_spent"], False)])
def test_a_campaign_that_tells_of_failures_has_an_exit_handler(
    command: Command, api: PipelinesApi, begin: Callable[..., Bench], s3_root: str, events: list[str], told: bool
) -> None:
    api.root = f"{s3_root}/told"
    begin(api.root, notify={"webhook": True, "events": events})
    assert command("submit", api.root).code == 0
    tasks = api.runs[0]["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]
    assert ("notify" in tasks) == told == ("exit-handler-1" in tasks)


def test_a_dry_run_creates_nothing(command: Command, api: PipelinesApi, campaign: Bench, name: str) -> None:
    answer = command("submit", campaign.root, "--dry-run")
    assert (answer.code, answer.out) == (0, f"would submit: {name}-cycle-0000\n")
    assert {method for method, _ in api.requests} == {"GET"}


def test_a_folder_is_refused(command: Command, api: PipelinesApi, begin: Callable[..., Bench]) -> None:
    for words in (["submit"], ["schedule", "--every", "1h"]):
        answer = command(words[0], begin().root, *words[1:])
        assert answer.code == 1 and "labelcycle init s3://bucket/prefix" in answer.err
    assert not api.requests


@pytest.mark.parametrize("words", [["submit"], ["schedule", "--every", "1h"]])
def test_files_of_this_machine_are_refused(
    command: Command,
    api: PipelinesApi,
    begin_on_images: Callable[..., Bench],
    pictures: Pictures,
    s3_root: str,
    words: list[str],
) -> None:
    begin_on_images(s3_root)
    answer = command(words[0], s3_root, *words[1:])
    assert answer.code == 1 and str(pictures.labels) in answer.err and "--labels-from s3://" in answer.err
    answer = command(words[0], s3_root, *words[1:], "--labels-from", "labels.csv")
    assert answer.code == 1 and "labels.csv is a file of this machine" in answer.err
    answer = command(words[0], s3_root, *words[1:], "--labels-from", "s3://labels/labels.csv")
    assert answer.code == 1 and "60 images of the pool" in answer.err and "--images s3://" in answer.err
    assert not api.requests


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--profile", "huge"], "profile"),
        (["--shards", "0"], "--shards"),
        (["--end-early"], "--end-early needs --finalize"),
        (["--finalize"], ""),
        (["--host", "kubeflow.example.org"], "http://"),
        (["--host", "http://me:secret@127.0.0.1:1"], "LABELCYCLE_KFP_TOKEN"),
        (["--namespace", "team-a"], "one user"),
        (["--token-file", "no-such-file"], "no-such-file"),
    ],
)
def test_wrong_flags_end_with_1(
    command: Command, api: PipelinesApi, campaign: Bench, flags: list[str], said: str
) -> None:
    answer = command("submit", campaign.root, *flags)
    if flags == ["--finalize"]:
        assert (answer.code, answer.out.split(":")[0]) == (0, "nothing submitted")
    else:
        assert answer.code == 1 and said in answer.err
    assert "me:secret" not in answer.err
    assert api.created("runs") == 0


def test_no_campaign_there(command: Command, api: PipelinesApi, s3_root: str) -> None:
    answer = command("submit", s3_root)
    assert answer.code == 1 and f"No campaign at {s3_root}" in answer.err
