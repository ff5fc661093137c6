"""`labelcycle publish`: what it delivers, and what it says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.cli.publish import publish
from tests.conftest import CLASSES, Bench
from tests.harness.label_studio_api import PERSONAL, Api

application = typer.Typer()
application.command()(publish)


@pytest.fixture
def campaign(begin_on_images: Callable[..., Bench], studio: Api) -> Bench:
    """A campaign that labels in Label Studio, before its first cycle."""
    tool = {"label_studio": studio.url, "image_server": "http://images.example.org"}
    return begin_on_images(labels_from=None, **tool)


def call(*arguments: str) -> str:
    """What the command prints; its errors are raised."""
    answer = CliRunner().invoke(application, list(arguments), catch_exceptions=False)
    if isinstance(answer.exception, Exception):
        raise answer.exception
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_counts_and_where_to_label(campaign: Bench, studio: Api) -> None:
    campaign.run_until("select")
    campaign.run("publish")
    studio.tasks.pop(next(iter(studio.tasks), 0), None)
    missing = 8 - len(studio.tasks)
    first = call(campaign.root)
    (project,) = studio.projects
    assert f"cycle 0: {missing} sent, {8 - missing} already there\n" in first
    assert f"label here: {studio.url}/projects/{project}\n" in first
    again = json.loads(call(campaign.root, "--json"))
    assert (again["sent"], again["present"], again["project_url"]) == (
        0,
        8,
        f"{studio.url}/projects/{project}",
    )
    assert len(studio.tasks) == 8
    receipt = json.loads(open_store(campaign.root).read("queries/cycle-0000.json"))
    assert receipt["place"] == f"{studio.url}/projects/{project}"


def test_without_a_tool_the_csv_is_named(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    campaign.run_cycle()
    handout = Path(campaign.root, "queries", "cycle-0000.csv")
    handout.unlink()
    assert call(campaign.root) == f"the query of cycle 0 is in {handout}\n"
    assert handout.exists()


@pytest.mark.parametrize(
    "left", ["", "\n", "sample_id,uri,rank,predicted,reason,label,status\n", "sep=;\nsample_id;label\n"]
)
def test_a_csv_that_lost_its_rows_is_refused_with_the_remedy(begin: Callable[..., Bench], left: str) -> None:
    campaign = begin(labels_from=None)
    campaign.run_cycle()
    handout = Path(campaign.root, "queries", "cycle-0000.csv")
    handout.write_text(left)
    with pytest.raises(InputError) as refused:
        call(campaign.root)
    assert str(refused.value) == (
        f"The query of cycle 0 is in {handout}, which holds no rows. Restore it, or delete it: labelcycle publish "
        "writes it again."
    )
    handout.unlink()
    assert call(campaign.root) == f"the query of cycle 0 is in {handout}\n" and len(handout.read_text()) > len(left)


def test_an_emptied_csv_has_the_remedy_where_it_is_read(begin_on_images: Callable[..., Bench]) -> None:
    campaign = begin_on_images(labels_from=None, recipe="random", classes=CLASSES)
    campaign.run_until("publish")
    Path(campaign.root, "queries", "cycle-0000.csv").write_text("")
    with pytest.raises(InputError, match="is empty. Restore it, or delete it: labelcycle publish writes it again"):
        campaign.ingest()


def test_nothing_to_hand_out(campaign: Bench) -> None:
    with pytest.raises(CampaignError, match="has no query yet. Choose the first one with: labelcycle run"):
        call(campaign.root)


def test_a_campaign_that_is_done(begin: Callable[..., Bench], tmp_path: Path) -> None:
    done = begin(str(tmp_path / "done"), budget=8, batch=8)
    done.run_cycle()
    done.run_cycle()
    assert call(done.root) == "nothing to deliver: the budget of 8 labels is spent\n"


def test_errors_say_what_to_do(campaign: Bench, studio: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.run_cycle()
    monkeypatch.delenv("LABEL_STUDIO_TOKEN")
    with pytest.raises(ConfigurationError, match="set one of LABEL_STUDIO_TOKEN and LABEL_STUDIO_TOKEN_FILE"):
        call(campaign.root)
    monkeypatch.setenv("LABEL_STUDIO_TOKEN", PERSONAL)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    studio.fail("GET", "/api/projects/", 503, times=100)
    with pytest.raises(TransientError, match="run the same command again"):
        call(campaign.root)


def test_help_teaches() -> None:
    help_text = " ".join(CliRunner().invoke(application, ["--help"], env={"COLUMNS": "200"}).stdout.split())
    for words in ("LABEL_STUDIO_TOKEN_FILE", "renew links", "no sample is asked about twice"):
        assert words in help_text
