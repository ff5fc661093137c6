"""Campaigns of earlier versions open, are sound, go on, and lose nothing; see README.md."""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from labelcycle.components.core.campaign.algorithms import made_by
from labelcycle.components.core.campaign.attempt import open_attempt
from labelcycle.components.core.campaign.campaign import KEY, Campaign
from labelcycle.components.core.campaign.commits import read_commits
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.summary import SummaryRecord
from labelcycle.components.core.campaign.training import AlignmentVerdict, TrainingFacts
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import Record, unsealed
from labelcycle.pipelines.cli.main import app
from labelcycle.pipelines.replay.replay import replay_selection
from tests.conftest import Bench
from tests.frozen_roots import tiny_backbone  # noqa: F401  (importing registers it)
from tests.frozen_roots.archives import BUCKET, FOLDER, INPUTS, archives, pack, unpack, write_all
from tests.frozen_roots.campaigns import CAMPAIGNS, answer
from tests.installed_command import command_in

ENDED = {"finished", "peal_featdist", "standard_ft", "activeft", "svpp", "asvp"}
HALF_DONE = {"mid_cold_start": 0, "mid_cycle": 1, "mid_lora": 1}
"""The cycle that a kill has left without a commit."""

AWAITED = {"people": 1, "waiting": 0}
"""The cycle whose query people have still to answer."""

IN_S3 = {"linear_probe", "people", "images"}
"""The campaigns that are opened in a bucket too, besides those that are half done; their bytes are the same there."""

every_root = pytest.mark.parametrize("archive", archives(), ids=lambda path: f"{path.parent.name}-{name_of(path)}")


def name_of(archive: Path) -> str:
    return archive.name.removesuffix(".tar.xz")


@pytest.fixture
def inputs(s3_endpoint: str, s3_administrator: Any) -> None:
    """The bucket that the roots on images read from."""
    store = open_store(f"s3://{BUCKET}/inputs")
    s3_administrator.create_bucket(Bucket=BUCKET)
    if not store.exists("labels.csv"):
        write_all(store, unpack(INPUTS))


@pytest.fixture
def thaw(inputs: None, tmp_path: Path) -> Callable[..., Bench]:
    """A function: an archive, and whether in S3 rather than in a folder → the campaign."""

    def thawed(archive: Path, in_s3: bool = False) -> Bench:
        root = f"s3://{BUCKET}/{uuid.uuid4().hex[:12]}/{name_of(archive)}" if in_s3 else str(tmp_path / "root")
        write_all(open_store(root), unpack(archive))
        return Bench(root)

    return thawed


def labelcycle(*arguments: str) -> Any:
    """What the command prints, as JSON; it must end with 0."""
    answer = CliRunner().invoke(app, [*arguments, "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def go_on(bench: Bench) -> list[str]:
    """Run cycles until one has trained, and answer as people where they are awaited; what was decided, in order."""
    decisions: list[str] = []
    while not decisions or decisions[-1] not in ("train", "done"):
        decisions.append(bench.ingest().decision)
        if decisions[-1] == "wait":
            answer(bench, len(bench.state.commits) - 1, lambda row: True)
        elif decisions[-1] != "done":
            bench.run_cycle()
    return decisions


def test_every_campaign_is_frozen() -> None:
    assert {name_of(path) for path in archives() if path.parent.name == "4e1e95b"} == CAMPAIGNS.keys()
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.xz")) < 3_000_000


@every_root
def test_its_description_would_be_written_as_it_was(archive: Path) -> None:
    """The campaign's identifier, names of attempts and names of spaces are digests of it."""
    written = unpack(archive)[KEY]
    assert Campaign.model_validate(unsealed(written, KEY, "a campaign description")).as_bytes() == written


RECORDS: dict[str, type[Record]] = {
    "metrics": CycleMetrics,
    "training": TrainingFacts,
    "alignment": AlignmentVerdict,
    "summary": SummaryRecord,
}


@every_root
def test_its_records_are_read_and_would_be_written_as_they_were(archive: Path) -> None:
    """A stage that goes on with what an earlier version wrote writes parts of it into its own results."""
    read = []
    for key, data in unpack(archive).items():
        name = re.fullmatch(r"cycles/\d+/\w+/(\w+)-[0-9a-f]{16}\.json", key)
        if name is not None and name[1] in RECORDS:
            read.append(name[1])
            assert canonical_json(RECORDS[name[1]].from_json(data, key).as_json()) == data, key
    assert {"metrics", "training"} <= {*read} or name_of(archive) in {"begun", "waiting", "mid_cold_start"}


PLACES = [(path, False) for path in archives()] + [(path, True) for path in archives() if name_of(path) in IN_S3]


@pytest.mark.parametrize(
    ("archive", "in_s3"),
    PLACES,
    ids=[f"{path.parent.name}-{name_of(path)}-{'s3' if in_s3 else 'folder'}" for path, in_s3 in PLACES],
)
def test_it_opens_and_is_sound(archive: Path, in_s3: bool, thaw: Callable[..., Bench]) -> None:
    campaign = thaw(archive, in_s3)
    before = campaign.files()
    status = labelcycle("status", campaign.root)
    trained = [summary.cycle for summary in campaign.state.trained]
    assert [cycle["cycle"] for cycle in status["cycles"] if not cycle["final"]] == trained
    assert (status["state"] == "done") == (name_of(archive) in ENDED)
    verified = labelcycle("verify", campaign.root)
    assert verified["sound"] and sum(verified["objects"].values()) >= len(before), verified
    assert campaign.files() == before


@every_root
def test_it_goes_on_and_loses_nothing(archive: Path, thaw: Callable[..., Bench]) -> None:
    campaign, name = thaw(archive), name_of(archive)
    before, commits = campaign.files(), campaign.state.commits
    decisions = go_on(campaign)
    assert (decisions == ["done"]) == (name in ENDED)
    assert (decisions[0] == "wait") == (name in AWAITED)
    run = len(decisions) - decisions.count("wait") - decisions.count("done")
    assert len(campaign.state.commits) == len(commits) + run
    assert campaign.state.commits[: len(commits)] == commits
    after = campaign.files()
    answered = {key for key in before if key.endswith(".csv")} if name in AWAITED else set()
    assert [key for key in before if key not in answered and after.get(key) != before[key]] == []
    assert labelcycle("verify", campaign.root)["sound"]


@pytest.mark.parametrize("name", HALF_DONE)
@pytest.mark.parametrize("in_s3", [False, True], ids=["folder", "s3"])
def test_a_half_done_cycle_goes_on_under_its_attempt(name: str, in_s3: bool, thaw: Callable[..., Bench]) -> None:
    for archive in FOLDER.glob(f"*/{name}.tar.xz"):
        campaign = thaw(archive, in_s3)
        cycle, before = HALF_DONE[name], campaign.files()
        (attempt,) = {key.split("/")[2] for key in before if key.startswith(f"cycles/{cycle}/")}
        campaign.run_cycle()
        begun, now = (open_attempt(campaign.root, cycle, given).decision for given in (attempt, campaign.attempt))
        same_versions = all(made_by(begun, role) == made_by(now, role) for role in now.algorithms)
        assert (campaign.attempt == attempt) == same_versions, "two versions of an algorithm share no attempt"
        assert read_commits(open_store(campaign.root))[cycle].attempt == campaign.attempt
        assert {key: value for key, value in campaign.files().items() if key in before} == before
        assert labelcycle("verify", campaign.root)["sound"]


@pytest.mark.parametrize("name", ["badge", "linear_probe", "margin", "random", "typiclust"])
def test_its_learning_rate_drops_as_its_own_recipe_says(name: str, thaw: Callable[..., Bench]) -> None:
    """Recipes of that name no longer drop it; a campaign keeps the recipe that it was begun with."""
    schedule = thaw(FOLDER / "4e1e95b" / f"{name}.tar.xz").state.campaign.recipe.schedule
    assert schedule.learning_rate_drops == [5, 8] and schedule.learning_rate(1.0, 5) == 0.1


def test_a_waiting_one_ends_with_3(thaw: Callable[..., Bench], tmp_path: Path) -> None:
    (archive,) = FOLDER.glob("4e1e95b/waiting.tar.xz")
    root, tracking = thaw(archive).root, f"sqlite:///{tmp_path}/mlflow.db"
    ended = command_in(tmp_path / "here", seconds=300)("run", root, MLFLOW_TRACKING_URI=tracking)
    assert ended.returncode == 3 and "waiting for labels: 8 of 8 samples of cycle 0's query" in ended.stderr
    assert str(tmp_path) in ended.stderr, "the file to fill in is named where it lies now"


@pytest.mark.parametrize("name", AWAITED)
def test_a_waiting_one_waits(name: str, thaw: Callable[..., Bench]) -> None:
    for archive in FOLDER.glob(f"*/{name}.tar.xz"):
        campaign = thaw(archive)
        before = campaign.files()
        awaited = campaign.ingest()
        assert (awaited.decision, awaited.awaited) == ("wait", {"people": 2, "waiting": 8}[name])
        assert campaign.files() == before


@every_root
def test_the_last_query_is_chosen_again(archive: Path, thaw: Callable[..., Bench]) -> None:
    campaign = thaw(archive)
    asked = [summary.cycle for summary in campaign.state.summaries if summary.query_size]
    for cycle in asked[-1:]:
        assert replay_selection(open_store(campaign.root), cycle).agreement != "different"


def test_an_archive_gives_back_what_was_packed(tmp_path: Path) -> None:
    for archive in FOLDER.glob("*/images.tar.xz"):
        pack(unpack(archive), tmp_path / archive.name)
        assert unpack(tmp_path / archive.name) == unpack(archive)
