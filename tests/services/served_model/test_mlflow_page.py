"""MLflow's page in a real browser: what a person sees of a campaign, its last query and its model."""

from collections.abc import Iterator
from typing import Any

import pytest
from mlflow import MlflowClient

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


def test_the_last_query_s_pictures_are_shown(page: Any, recorded: Recorded) -> None:
    (campaign,) = runs(recorded, "campaign")
    where = f"{recorded.server.address}/#/experiments/{campaign.info.experiment_id}/runs/{campaign.info.run_id}"
    page.goto(f"{where}/artifacts/last_query.png")
    picture = page.locator("img[src^='blob:'], img[src*='last_query'], canvas, .image-outer-container img").first
    picture.wait_for(timeout=120_000)
    assert page.get_by_text("last_query.png").count()
