"""Two roots whose campaigns have one name, as when two teams label the same pool or a prefix was copied."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import PipelinesApi
from tests.pipelines.kubeflow.conftest import Answer

Command = Callable[..., Answer]


@pytest.fixture
def roots(s3_root: str, begin: Callable[..., Bench]) -> tuple[str, str]:
    """Two such roots."""
    bucket = s3_root.rpartition("/")[0]
    one, two = (begin(f"{bucket}/{team}/digits") for team in ("one", "two"))
    assert one.state.campaign.identifier == two.state.campaign.identifier
    return one.root, two.root


def root_of(entry: dict[str, Any]) -> str:
    return str(entry["runtime_config"]["parameters"]["root"])


def test_each_root_has_runs_of_its_own(command: Command, api: PipelinesApi, roots: tuple[str, str]) -> None:
    answers = [command("submit", root) for root in roots]
    assert all(answer.out.startswith("submitted: ") for answer in answers), answers
    assert [root_of(run) for run in api.runs] == list(roots)
    assert len({run["display_name"] for run in api.runs}) == 2


def test_each_root_has_a_schedule_of_its_own(command: Command, api: PipelinesApi, roots: tuple[str, str]) -> None:
    one, two = roots
    for root in roots:
        assert command("schedule", root, "--every", "1h").code == 0
    assert [root_of(schedule) for schedule in api.recurring_runs] == [one, two]
    assert command("schedule", two, "--delete").out.startswith("deleted: ")
    assert [root_of(schedule) for schedule in api.recurring_runs] == [one]
    assert command("schedule", two, "--delete").out.endswith("has no schedule\n")
    assert ": on, every 3600 seconds" in command("schedule", one, "--show").out


def test_a_run_that_only_has_the_name_is_not_taken_for_ours(
    command: Command, api: PipelinesApi, campaign: Bench, name: str
) -> None:
    """People may give any run any name."""
    api.add_run(f"{name}-cycle-0000", root="s3://elsewhere/digits")
    assert command("submit", campaign.root).out.startswith(f"submitted: {name}-cycle-0000\n")
    api.recurring_runs.append(
        {
            "recurring_run_id": "foreign",
            "display_name": name,
            "runtime_config": {"parameters": {"root": "s3://elsewhere/digits"}},
        }
    )
    assert command("schedule", campaign.root, "--delete").out == f"campaign {name} has no schedule\n"
    assert [schedule["recurring_run_id"] for schedule in api.recurring_runs] == ["foreign"]


def test_a_slash_at_the_end_is_the_same_root(command: Command, api: PipelinesApi, campaign: Bench) -> None:
    assert command("submit", f"{campaign.root}/").out.startswith("submitted: ")
    assert command("submit", campaign.root).out.startswith("under way already: ")
    assert command("schedule", f"{campaign.root}/", "--every", "1h").code == 0
    assert command("schedule", campaign.root, "--delete").code == 2 or not api.recurring_runs
