"""Answers under the former name of a class: each is told of once, when it comes, and not with every cycle after it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.storage import open_store
from labelcycle.components.label_ingest.awaited_labels import awaited_labels
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from tests.components.select.test_rechecks import Crew, truth, unlabelled
from tests.conftest import Bench


def rename(campaign: Bench) -> None:
    amend_campaign(open_store(campaign.root), WantedChanges(renamed=["green=lime"]), "")


@pytest.fixture
def people(begin: Callable[..., Bench], tmp_path: Path) -> Crew:
    """A campaign whose first query people have answered, before its class `green` gets another name."""
    campaign = begin(**unlabelled(tmp_path), recipe="logistic", budget=60, batch=12, initial=24)
    people = Crew(campaign)
    campaign.run_cycle()
    people.fill_in(0, truth)
    campaign.run_cycle()
    rename(campaign)
    return people


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if "count as 'lime'" in line]


def test_answers_that_a_cycle_took_in_are_not_told_of_again(people: Crew, capsys: pytest.CaptureFixture[str]) -> None:
    people.fill_in(1, lambda name: truth(name).replace("green", "lime"))
    people.campaign.run_cycle()
    assert set(people.campaign.work.labelled().values()) == {"blue", "lime", "red"}
    assert told(capsys) == [], "they were right when they were given"


def test_new_answers_are_told_of_once(people: Crew, capsys: pytest.CaptureFixture[str]) -> None:
    people.fill_in(1, truth)
    store, count = open_store(people.campaign.root), sum(truth(row["sample_id"]) == "green" for row in people.rows(1))
    for _ in range(2):
        assert awaited_labels(store, people.campaign.state).answered == 12
    people.campaign.run_cycle()
    people.fill_in(2, lambda name: truth(name).replace("green", "lime"))
    people.campaign.run_cycle()
    (line,) = told(capsys)
    assert f"cycle-0001.csv: {count} rows with 'green' count as 'lime', as the campaign was amended." in line


def test_nor_are_those_of_a_label_file(
    begin: Callable[..., Bench], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data: dict[str, Any] = unlabelled(tmp_path)
    every = tmp_path / "every.csv"
    names = [f"{name}-{30 * number + row:02d}" for number, name in enumerate(data["classes"]) for row in range(30)]
    every.write_text("sample_id,label\n" + "".join(f"{name},{truth(name)}\n" for name in names))
    campaign = begin(**data, labels_from=str(every), recipe="logistic", budget=36, batch=12)
    campaign.run_cycle()
    campaign.run_cycle()
    rename(campaign)
    campaign.run_cycle()
    taken_in = campaign.work.labelled()
    first, *more = told(capsys)
    assert not more and f"{every}: " in first
    assert sum(label == "lime" for label in taken_in.values()) > 0 and f"{every}: 30 rows" not in first
