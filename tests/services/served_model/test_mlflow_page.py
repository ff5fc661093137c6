"""MLflow's page in a real browser: what a person sees of a campaign, its last query and its model."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.conftest import CLASSES
from tests.services.mlflow_server.server import ADMINISTRATOR
from tests.services.served_model.conftest import Recorded


@pytest.fixture
def page(browser: Any, recorded: Recorded) -> Iterator[Any]:
    name, password = ADMINISTRATOR
    context = browser.new_context(
        viewport={"width": 1400, "height": 1000}, http_credentials={"username": name, "password": password}
    )
    yield context.new_page()
    context.close()


def runs(recorded: Recorded, kind: str) -> list[Any]:
    client = MlflowClient(recorded.server.address)
    experiment = client.get_experiment_by_name("labelcycle")
    return list(client.search_runs([experiment.experiment_id], f"tags.`labelcycle.kind` = '{kind}'"))


def address(recorded: Recorded, run: Any, file: str) -> str:
    """Where MLflow's page shows a file of a run."""
    return f"{recorded.server.address}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/{file}"


def test_the_pictures_of_the_last_query_are_shown(page: Any, recorded: Recorded) -> None:
    (campaign,) = runs(recorded, "campaign")
    page.goto(address(recorded, campaign, "last_query.png"))
    picture = page.get_by_role("img", name="last_query.png").or_(page.locator("img[src^='blob:']")).first
    picture.wait_for(timeout=120_000)
    page.wait_for_function("() => [...document.images].some(image => image.naturalWidth > 900)", timeout=120_000)
    assert picture.is_visible()


def test_predictions_are_shown_as_a_table(page: Any, recorded: Recorded) -> None:
    cycle = next(run for run in runs(recorded, "cycle") if run.data.tags["labelcycle.cycle"] == "0001")
    page.goto(address(recorded, cycle, "predictions.json"))
    page.get_by_text("View as table").wait_for(timeout=120_000)
    page.get_by_text("sample_id", exact=True).wait_for(timeout=120_000)
    assert page.get_by_text(re.compile(r"^(red|green|blue)/\d\d\.png$")).count() == 12


def test_the_model_s_schema_is_shown(page: Any, recorded: Recorded) -> None:
    page.goto(f"{recorded.server.address}/#/models/{recorded.name}/versions/1")
    page.get_by_text("Inputs (1)").wait_for(timeout=120_000)
    outputs = page.get_by_text(f"Outputs ({3 + len(CLASSES)})")
    outputs.wait_for(timeout=120_000)
    assert outputs.is_visible()
