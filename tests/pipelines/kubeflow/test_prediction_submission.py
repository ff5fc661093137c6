"""`labelcycle submit --predict`: one run for a prediction, whoever asks again."""

import re
from collections.abc import Callable

import pytest

from labelcycle.pipelines.kubeflow import prediction_submission
from labelcycle.pipelines.kubeflow.lookup import name_at
from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import PipelinesApi
from tests.pipelines.kubeflow.conftest import Answer
from tests.pipelines.models.conftest import crown

Command = Callable[..., Answer]


@pytest.fixture
def trained(
    s3_root: str,
    begin: Callable[..., Bench],
    api: PipelinesApi,
    monkeypatch: pytest.MonkeyPatch,
    packages: Callable[..., None],
) -> Bench:
    """A campaign with a champion, which the server's runs are for."""
    monkeypatch.setattr(prediction_submission, "write_package", packages)
    begun = begin(s3_root, budget=8)
    for _ in range(2):
        begun.run_cycle()
    crown(begun.root)
    api.root = begun.root
    return begun


def test_one_run_for_a_prediction(command: Command, api: PipelinesApi, trained: Bench) -> None:
    name = f"{name_at(trained.root, trained.state.campaign)}-predict-"
    asked = ["submit", trained.root, "--predict", "--shards", 3, "--output", "s3://bucket/out.parquet"]
    would = command(*asked, "--dry-run")
    assert would.code == 0 and re.fullmatch(rf"would submit: {re.escape(name)}[0-9a-f]{{6}}\n", would.out), would.err
    assert api.created("runs") == 0
    first = command(*asked)
    (run,) = api.runs
    assert first.out.startswith(f"submitted: {run['display_name']}\n"), first.err
    assert run["runtime_config"]["parameters"] == {
        "root": trained.root,
        "images": "",
        "model": "champion",
        "output": "s3://bucket/out.parquet",
        "shards": 3,
        "storage_secret": "labelcycle-storage",
        "settings_map": "labelcycle-settings",
    }
    assert command(*asked).out.startswith(f"under way already: {run['display_name']}\n")
    assert command("submit", trained.root, "--predict", "--images", "s3://bucket/new").out.startswith("submitted: ")
    run["state"] = "SUCCEEDED"
    assert command(*asked).out.startswith(f"submitted: {run['display_name']}-2\n")
    assert api.created("runs") == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--predict", "--finalize"], "--predict and --finalize are two runs"),
        (["--images", "s3://bucket/new"], "--images, --model and --output are for --predict"),
        (["--predict", "--output", "out.parquet"], "--output out.parquet is on this machine"),
        (["--predict", "--images", "images"], "--images images is on this machine"),
        (["--predict"], "has no model yet"),
    ],
)
def test_what_cannot_be_predicted(
    command: Command, api: PipelinesApi, campaign: Bench, options: list[str], message: str
) -> None:
    answer = command("submit", campaign.root, *options)
    assert answer.code == 1 and message in answer.err
    assert api.created("runs") == 0
