"""`labelcycle init --plan`: what beginning a campaign would do, with nothing written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.cli.init import init
from labelcycle.pipelines.cli.init_options import with_flags
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.plan import plan_campaign

application = typer.Typer()
application.command()(with_flags(init))


def run(*arguments: object) -> Result:
    """`labelcycle init` in this process; its errors are raised."""
    return CliRunner().invoke(application, [str(one) for one in arguments], catch_exceptions=False)


def test_a_plan_is_what_is_then_begun_and_writes_nothing(store_root: str, embeddings: Path, tmp_path: Path) -> None:
    flags = ["--embeddings", embeddings, "--budget", 20, "--batch", 8, "--label-price", 0.5, "--recipe", "linear_probe"]
    before = sorted(tmp_path.rglob("*"))
    facts = json.loads(run(store_root, *flags, "--plan", "--json").stdout)
    assert open_store(store_root).keys("") == [] and sorted(tmp_path.rglob("*")) == before
    assert facts["test"] == {"blue": 4, "green": 4, "red": 4} and (facts["pool"], facts["read"]) == (48, 60)
    assert facts["first_query"] == {"size": 8, "to_test_with": 0, "strategy": "random", "trained": False}
    assert facts["queries"] == 3 and facts["cost"]["labels"] == 10 and facts["cost"]["first_query"] == 4
    growing = json.loads(run(store_root, *flags, "--set", "schedule.batches_from=[[8, 12]]", "--plan", "--json").stdout)
    assert growing["queries"] == 2
    assert facts["campaign"] in run(store_root, *flags).stdout
    assert json.loads(run(store_root, *flags, "--plan", "--json").stdout)["exists"]
    with pytest.raises(CampaignError, match="another budget"):
        run(store_root, *flags, "--budget", 30, "--plan")


def test_a_plan_for_people(pictures: Any, tmp_path: Path) -> None:
    known = tmp_path / "known.csv"
    known.write_text("".join(pictures.labels.read_text().splitlines(keepends=True)[:21]))
    flags = ["--images", pictures.images, "--test", pictures.test, "--known-labels", known]
    answer = run(tmp_path / "root", *flags, "--classes", "blue,green,red", "--budget", 6, "--batch", 6, "--plan")
    assert "cycle 0     trains on 16 known labels, then asks for 6 of 32 samples by uherding" in answer.stdout
    assert "test        12: blue 4, green 4, red 4" in answer.stdout and "known       16: blue 16" in answer.stdout
    assert "cost        6.00 up to cycle 0, 6.00 in all for labels; computing has no price" in answer.stdout
    assert not (tmp_path / "root").exists()


def test_a_plan_with_a_test_set_from_the_budget(write_npz: Callable[..., str], tmp_path: Path) -> None:
    files = ["--embeddings", write_npz(labels=None, splits=None), "--classes", "cat,dog"]
    flags = [*files, "--budget", 5, "--batch", 2, "--test-from-budget", 2]
    lines = run(tmp_path / "root", *flags, "--plan").stdout
    assert "test        2 samples drawn at random, whose labels cycle 0 asks for" in lines
    assert (
        "cycle 0     asks for 2 of 4 samples by kmeans and 2 drawn at random to test with" in lines
        and "5 labels, in 2 queries" in lines
    )
    facts = json.loads(run(tmp_path / "root", *flags, "--plan", "--json").stdout)
    assert (facts["read"], facts["pool"], facts["test"], facts["test_from_budget"]) == (6, 4, {}, 2)
    assert (facts["first_query"]["size"], facts["first_query"]["to_test_with"]) == (4, 2)


def test_reasons_are_counted_whatever_samples_they_name(pictures: Any, tmp_path: Path) -> None:
    images = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    for name in ("red/00.png", "blue/01.png"):
        shutil.copyfile(images / name, images / name.replace(".png", "-copy.png"))
    flags = ["--images", images, "--test", pictures.test, "--budget", 6, "--classes", "blue,green,red"]
    facts = json.loads(run(tmp_path / "root", *flags, "--plan", "--json").stdout)
    assert facts["set_aside"] == {"the same image as the test sample": 2}


def test_what_init_refuses_a_plan_refuses(embeddings: Path, tmp_path: Path, write_npz: Callable[..., str]) -> None:
    settings = CampaignSettings(embeddings=str(embeddings), budget=100, batch=90)
    with pytest.raises(ConfigurationError, match="--batch 90 is larger than the pool"):
        plan_campaign(str(tmp_path / "root"), settings)
    with pytest.raises(InputError, match="no embeddings file"):
        plan_campaign(str(tmp_path / "root"), CampaignSettings(embeddings=str(tmp_path / "no.npz")))
    with pytest.raises(ConfigurationError, match="--json prints a plan"):
        run(tmp_path / "root", "--embeddings", embeddings, "--json")
