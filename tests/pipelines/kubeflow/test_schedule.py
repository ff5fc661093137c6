"""`labelcycle schedule`: one schedule for each campaign, one run at a time."""

from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import pytest

from labelcycle.pipelines.kubeflow import schedule
from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import PipelinesApi
from tests.pipelines.kubeflow.conftest import Answer

Command = Callable[..., Answer]


@pytest.mark.system
def test_schedule_as_users_do(
    labelcycle: Callable[..., CompletedProcess[str]], api: PipelinesApi, campaign: Bench, name: str
) -> None:
    first = labelcycle("schedule", campaign.root, "--cron", "0 0 6 * * *", "--shards", 2)
    assert first.returncode == 0, first.stderr
    (schedule,) = api.recurring_runs
    page = f"{api.url}/#/recurringrun/details/{schedule['recurring_run_id']}"
    assert first.stdout == f"scheduled: {name}, on, cron 0 0 6 * * *\n{page}\n"
    assert first.stderr == ""
    assert schedule["display_name"] == name
    assert (int(schedule["max_concurrency"]), schedule["no_catchup"], schedule["mode"]) == (1, True, "ENABLE")
    assert schedule["trigger"] == {"cron_schedule": {"cron": "0 0 6 * * *"}}
    assert schedule["runtime_config"]["parameters"]["root"] == campaign.root
    assert schedule["runtime_config"]["parameters"]["shards"] == 2
    second = labelcycle("schedule", campaign.root, "--every", "1h")
    assert second.returncode == 1 and not second.stdout
    assert page in second.stderr and f"labelcycle schedule {campaign.root} --delete" in second.stderr
    assert len(api.recurring_runs) == api.created("recurringruns") == 1


def test_pause_resume_show_delete(command: Command, api: PipelinesApi, campaign: Bench, name: str) -> None:
    assert command("schedule", campaign.root, "--show").out == f"campaign {name} has no schedule\n"
    for change in ("--pause", "--resume"):
        answer = command("schedule", campaign.root, change)
        assert answer.code == 1 and "--cron or --every" in answer.err
    assert command("schedule", campaign.root, "--every", "2h").code == 0
    (schedule,) = api.recurring_runs
    assert int(schedule["trigger"]["periodic_schedule"]["interval_second"]) == 7200
    page = f"{api.url}/#/recurringrun/details/{schedule['recurring_run_id']}"
    for change, state, status in (
        ("--show", "on", "ENABLED"),
        ("--pause", "paused", "DISABLED"),
        ("--pause", "paused", "DISABLED"),
        ("--show", "paused", "DISABLED"),
        ("--resume", "on", "ENABLED"),
    ):
        answer = command("schedule", campaign.root, change)
        assert (answer.code, answer.out) == (0, f"{name}: {state}, every 7200 seconds\n{page}\n")
        assert schedule["status"] == status
    assert command("schedule", campaign.root, "--delete").out == f"deleted: {name}\n"
    assert not api.recurring_runs
    assert command("schedule", campaign.root, "--delete").out == f"campaign {name} has no schedule\n"


def test_schedules_of_others_are_left_alone(command: Command, api: PipelinesApi, campaign: Bench, name: str) -> None:
    for other in (name.upper(), f"{name}-2"):
        of_this_root = {"runtime_config": {"parameters": {"root": campaign.root}}}
        api.recurring_runs.append({"recurring_run_id": other, "display_name": other, **of_this_root})
    assert command("schedule", campaign.root, "--every", "1d").code == 0
    assert command("schedule", campaign.root, "--delete").code == 0
    assert [schedule["display_name"] for schedule in api.recurring_runs] == [name.upper(), f"{name}-2"]


@pytest.fixture
def scheduled_run(command: Command, api: PipelinesApi, campaign: Bench) -> dict[str, Any]:
    """A run under way that the campaign's schedule has started."""
    assert command("schedule", campaign.root, "--every", "1h").code == 0
    (schedule,) = api.recurring_runs
    return api.add_run("started by the schedule", recurring_run_id=schedule["recurring_run_id"])


def test_a_schedule_whose_run_is_under_way_is_paused_and_kept(
    command: Command, api: PipelinesApi, campaign: Bench, name: str, scheduled_run: dict[str, Any]
) -> None:
    """Kubernetes would end the run with it, and the run's page would show it as running for ever."""
    answer = command("schedule", campaign.root, "--delete")
    assert answer.code == 2 and not answer.out
    assert f"{name} is paused" in answer.err and "run started by the schedule is under way" in answer.err
    assert scheduled_run["run_id"] in answer.err and "--wait" in answer.err
    assert [schedule["status"] for schedule in api.recurring_runs] == ["DISABLED"]
    scheduled_run["state"] = "FAILED"
    assert command("schedule", campaign.root, "--delete").out == f"deleted: {name}\n"
    assert not api.recurring_runs and not api.killed


def test_deleting_may_wait_for_the_run(
    command: Command,
    api: PipelinesApi,
    campaign: Bench,
    name: str,
    scheduled_run: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = iter(["RUNNING", "RUNNING", "SUCCEEDED"])

    def step(run: dict[str, Any]) -> None:
        assert api.recurring_runs, "the schedule is there until its run has ended"
        run["state"] = next(looks)

    api.on_read = step
    answer = command("schedule", campaign.root, "--delete", "--wait")
    assert (answer.code, answer.out) == (0, f"deleted: {name}\n")
    assert answer.err.splitlines() == [f"started by the schedule: {state}" for state in ("running", "succeeded")]
    assert scheduled_run["state"] == "SUCCEEDED" and not api.recurring_runs and not api.killed


def test_a_run_that_appears_while_the_schedule_is_paused_counts(
    command: Command, api: PipelinesApi, campaign: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("schedule", campaign.root, "--every", "1h")
    (entry,) = api.recurring_runs

    def sleep(seconds: float) -> None:
        api.add_run("late", recurring_run_id=entry["recurring_run_id"])

    monkeypatch.setattr(schedule.time, "sleep", sleep)
    answer = command("schedule", campaign.root, "--delete")
    assert answer.code == 2 and "late is under way" in answer.err and not api.killed


@pytest.mark.parametrize("fault", ["drop", "lose"])
def test_a_lost_answer_leads_to_one_schedule(
    command: Command, api: PipelinesApi, campaign: Bench, name: str, fault: str
) -> None:
    api.fail(fault, "POST", "/recurringruns$")
    answer = command("schedule", campaign.root, "--every", "1h")
    if fault == "drop":
        assert answer.code == 0 and answer.out.startswith(f"scheduled: {name}, on, every 3600 seconds\n")
    else:
        assert answer.code == 2 and f"Schedule {name} was not created" in answer.err
    assert len(api.recurring_runs) == (fault == "drop")
    assert api.created("recurringruns") == 1


def test_a_campaign_that_is_done_needs_no_schedule(
    command: Command, api: PipelinesApi, begin: Callable[..., Bench], s3_root: str
) -> None:
    bench = begin(s3_root, budget=8, batch=8)
    bench.run_cycle()
    bench.run_cycle()
    for words, said in ((["schedule", s3_root, "--every", "1h"], "scheduled"), (["submit", s3_root], "submitted")):
        answer = command(*words)
        assert (answer.code, answer.out) == (0, f"nothing {said}: the budget of 8 labels is spent\n")
    assert not api.recurring_runs and not api.runs


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "Say when"),
        (["--cron", "0 0 6 * * *", "--every", "1h"], "Say when"),
        (["--cron", "0 6 * * *"], "'0 0 6 * * *'"),
        (["--every", "hourly"], "30m, 1h, 7d"),
        (["--pause", "--resume"], "cannot be combined"),
        (["--every", "1h", "--wait"], "--wait needs --delete"),
        (["--delete", "--every", "1h"], "cannot be combined"),
    ],
)
def test_wrong_flags_end_with_1(
    command: Command, api: PipelinesApi, campaign: Bench, flags: list[str], said: str
) -> None:
    answer = command("schedule", campaign.root, *flags)
    assert answer.code == 1 and said in answer.err
    assert not api.requests
