"""Pruning: what no commit needs is listed and deleted, everything else stays, and the campaign goes on."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.storage import deletion, open_store, s3
from labelcycle.components.core.storage.deletion import S3Deleter, open_deleter
from labelcycle.components.core.storage.s3_connection import s3_client, split_s3_uri
from labelcycle.components.tracking import promotion_history
from labelcycle.pipelines.cli.main import app
from labelcycle.pipelines.pruning.prunable import Prunable, plan_pruning
from labelcycle.pipelines.pruning.prune import prune
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import Bench
from tests.manifests.iam.policy import Call, actions_of, calls_of, read_policy, rights_used

POLICY = Path(__file__).parents[3] / "manifests" / "iam" / "labelcycle-prune-policy.json"
TOMORROW = time.time() + 25 * 3600


def planned(root: str, **settings: Any) -> list[Prunable]:
    """What may be deleted a day from now."""
    store = open_store(root)
    return plan_pruning(store, open_deleter(root), read_state(store), **{"now": TOMORROW, **settings})


def copy_attempt(campaign: Bench, name: str) -> list[str]:
    """Let another attempt have worked on the last cycle. Returns its keys but for the timings."""
    store = open_store(campaign.root)
    keys = store.keys(f"cycles/{campaign.cycle}/{campaign.attempt}/")
    copies = [key.replace(campaign.attempt, name) for key in keys]
    for key, copy in zip(keys, copies, strict=True):
        store.write(copy, store.read(key))
    return [key for key in copies if "/timings/" not in key]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, pictures: Any) -> Path:
    """A campaign of a cold start and two cycles that trained an adapter, each with a feature space of its own."""
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign

    root = tmp_path_factory.mktemp("kept") / "campaign"
    data = {"images": str(pictures.images), "labels_from": str(pictures.labels), "test": str(pictures.test)}
    overrides = {"trainer.epochs": 1, "trainer.rank": 1}
    begin_campaign(str(root), CampaignSettings(recipe="peal_entropy", budget=32, batch=8, overrides=overrides, **data))
    campaign = Bench(str(root))
    for _ in range(3):
        campaign.run_cycle()
    return root


@pytest.fixture
def root(kept: Path, tmp_path: Path) -> Path:
    """The same, to be pruned."""
    return shutil.copytree(kept, tmp_path / "campaign")


def test_the_space_of_a_model_that_is_not_the_newest_goes_and_the_campaign_goes_on(root: Path) -> None:
    spaces = [summary.space for summary in read_state(open_store(str(root))).summaries]
    [entry] = planned(str(root))
    assert (entry.kind, entry.place) == ("feature space", f"spaces/{spaces[1]}")
    assert entry.size == sum((root / found.key).stat().st_size for found in entry.objects) > 0
    prune(open_store(str(root)), open_deleter(str(root)), [entry])
    assert sorted(path.name for path in (root / entry.place).iterdir()) == ["pruned.json", "space.json"]
    found = verify_campaign(open_store(str(root)))
    assert found.faults == [] and [finding.place for finding in found.findings] == [entry.place]
    assert planned(str(root)) == []
    mark = root / entry.place / "pruned.json"
    whole = mark.read_text()
    mark.write_text(whole.replace("bytes", "bites"))
    assert [finding.kind for finding in verify_campaign(open_store(str(root))).faults] == ["damaged"]
    mark.write_text(whole)
    assert Bench(str(root)).run_cycle().committed
    assert verify_campaign(open_store(str(root))).faults == []


def test_as_many_spaces_are_kept_as_are_asked_for(root: Path) -> None:
    assert planned(str(root), keep_spaces=2) == []
    base = read_state(open_store(str(root))).campaign.base_space
    every = {path.name for path in (root / "spaces").iterdir()}
    assert {entry.place for entry in planned(str(root), keep_spaces=0)} == {f"spaces/{name}" for name in every - {base}}


def test_the_space_of_the_champion_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Champion:
        cycle = 1

    monkeypatch.setattr("labelcycle.pipelines.pruning.prunable.read_champion", lambda store: Champion())
    assert planned(str(root)) == []
    assert promotion_history.read_champion(open_store(str(root))) is None


def test_imported_features_are_never_pruned(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    for _ in range(3):
        campaign.run_cycle()
    assert planned(campaign.root, keep_spaces=0) == []


def test_what_is_young_is_kept(root: Path) -> None:
    assert planned(str(root), now=time.time()) == []
    assert len(planned(str(root), now=time.time(), hours=0)) == 1


def test_an_attempt_that_lost_goes_but_for_its_timings(begin: Callable[..., Bench], store_root: str) -> None:
    campaign = begin(store_root)
    for _ in range(2):
        campaign.run_cycle()
    lost = copy_attempt(campaign, "0" * 16)
    before = campaign.files()
    [entry] = planned(store_root)
    assert (entry.kind, entry.place) == ("lost attempt", f"cycles/1/{'0' * 16}")
    assert [found.key for found in entry.objects] == lost and entry.size == sum(len(before[key]) for key in lost)
    prune(open_store(store_root), open_deleter(store_root), [entry])
    assert campaign.files() == {key: data for key, data in before.items() if key not in lost}
    assert verify_campaign(open_store(store_root)).faults == []
    assert campaign.run_cycle().committed


def test_the_space_of_an_attempt_that_lost_goes_with_it(root: Path) -> None:
    commit = read_state(open_store(str(root))).commits[2]
    training = json.loads((root / commit.objects["training"].key).read_bytes())
    lost, space = root / "cycles/2" / ("0" * 16), root / "spaces" / ("f" * 16)
    for folder in (lost, space):
        folder.mkdir()
    (lost / f"training-{'0' * 16}.json").write_text(json.dumps(training | {"space": space.name}))
    (space / f"part-{'0' * 16}-{'0' * 16}.parquet").write_bytes(b"features")
    found = {entry.place: entry.why for entry in planned(str(root), keep_spaces=2)}
    assert found.keys() == {f"spaces/{space.name}", f"cycles/2/{lost.name}"}
    assert found[f"spaces/{space.name}"] == f"the attempt cycles/2/{lost.name} lost"


def test_the_cycle_under_way_is_never_looked_at(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("train_adapter")
    copy_attempt(campaign, "0" * 16)
    assert planned(campaign.root) == []


def test_the_checkpoint_of_a_training_that_ended_goes(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    campaign.run_cycle()
    open_store(campaign.root).write(campaign.work.key("checkpoint.safetensors"), b"weights")
    [entry] = planned(campaign.root)
    assert (entry.kind, entry.size) == ("checkpoint", 7) and entry.place == entry.objects[0].key


def test_what_the_doctor_could_not_delete_goes(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    open_store(campaign.root).write(f"doctor/{'0' * 32}", b"writer 3")
    assert verify_campaign(open_store(campaign.root)).findings == []
    [entry] = planned(campaign.root)
    assert (entry.kind, entry.place) == ("trial write", f"doctor/{'0' * 32}")


def test_a_write_that_was_never_finished_goes_from_a_folder(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    left = Path(campaign.root) / "labels" / ".unfinished-0123"
    left.parent.mkdir()
    left.write_bytes(b"half")
    [entry] = planned(campaign.root)
    assert (entry.kind, entry.place) == ("unfinished write", "labels/.unfinished-0123")
    prune(open_store(campaign.root), open_deleter(campaign.root), [entry])
    assert not left.parent.exists()


def test_an_upload_that_was_never_finished_goes_from_s3(begin: Callable[..., Bench], s3_root: str) -> None:
    begin(s3_root)
    bucket, prefix = split_s3_uri(s3_root)
    s3_client().create_multipart_upload(Bucket=bucket, Key=f"{prefix}/spaces/x/part.parquet")
    [entry] = planned(s3_root)
    assert (entry.kind, entry.place) == ("unfinished write", "spaces/x/part.parquet")
    prune(open_store(s3_root), open_deleter(s3_root), [entry])
    assert S3Deleter(s3_root).unfinished() == planned(s3_root) == []


def test_the_policy_of_pruning_allows_every_request_and_nothing_else(
    root: Path, s3_root: str, own_s3_client: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, _ = split_s3_uri(s3_root)
    on_s3 = f"s3://{bucket}/all/pictures"
    for path in root.rglob("*"):
        if path.is_file():
            open_store(on_s3).upload(path, path.relative_to(root).as_posix())
    s3_client().create_multipart_upload(Bucket=bucket, Key="all/pictures/spaces/x/part.parquet")
    calls: list[Call] = []

    def client() -> Any:
        new = s3_client()
        new.meta.events.register(
            "before-parameter-build.s3", lambda params, model, **rest: calls.extend(calls_of(model.name, params))
        )
        return new

    monkeypatch.setattr(s3, "s3_client", client)
    monkeypatch.setattr(deletion, "s3_client", client)
    prune(open_store(on_s3), open_deleter(on_s3), planned(on_s3))
    assert planned(on_s3) == []

    statements = read_policy(POLICY, {"CAMPAIGN-BUCKET": bucket, "CAMPAIGNS": "all"})
    used = [rights_used(statements, call) for call in calls]
    assert [call for call, rights in zip(calls, used, strict=True) if not rights] == []
    assert set().union(*used) == {(each["Sid"], action) for each in statements for action in actions_of(each)}
    assert not rights_used(statements, Call("DeleteObjects", bucket, "elsewhere/campaign.json"))
    assert not rights_used(statements, Call("PutObject", bucket, "all/pictures/campaign.json"))


def invoke(*arguments: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, ["prune", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_deletes_only_when_told_to(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path, (0, 0))
    before = sorted(root.rglob("*"))
    listed = invoke(str(root))
    assert "feature space" in listed and "run the same command with --yes" in listed
    assert sorted(root.rglob("*")) == before
    facts = json.loads(invoke(str(root), "--yes", "--json"))
    assert facts["deleted"] and [entry["kind"] for entry in facts["entries"]] == ["feature space"]
    assert not any((root / facts["entries"][0]["place"]).glob("*.parquet"))
    assert invoke(str(root)) == "nothing to prune\n"
