"""Erased samples are in no object any more; the campaign is sound, goes on, and says what it cannot repeat."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.features.part_files import PartFiles
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.deletion import open_deleter
from labelcycle.components.core.storage.folder import FolderStore
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.erase import Erased, erase_samples
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.autolabel.protocol import Claim, autolabel
from labelcycle.pipelines.prediction.on_this_machine import predict_in_parts
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import Bench, Pictures
from tests.pipelines.amending.test_more_samples import splits, write_rows
from tests.pipelines.amending.test_withdraw import asked_in, withdraw


class Killed(Exception):
    """Stands for a kill."""


@pytest.fixture(scope="module")
def withdrawn(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> tuple[Path, list[str]]:
    """A campaign on images of three cycles, of which an asked, a tested and another sample are withdrawn."""
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
    from tests.frozen_roots import tiny_backbone

    folder = tmp_path_factory.mktemp("withdrawn")
    weights = folder / f"{tiny_backbone.NAME}.safetensors"
    weights.write_bytes(tiny_backbone.random_weights())
    settings = {"images": str(pictures.images), "labels_from": str(folder / "labels.csv"), "test": str(pictures.test)}
    shutil.copy(pictures.labels, folder / "labels.csv")
    network = {"backbone": tiny_backbone.NAME, "weights": str(weights)}
    begin_campaign(
        str(folder / "campaign"), CampaignSettings(recipe="logistic", budget=32, batch=8, **settings, **network)
    )
    campaign = Bench(str(folder / "campaign"))
    for _ in range(3):
        campaign.run_cycle()
    asked = [name for commit in campaign.state.commits[:2] for name in asked_in(campaign, commit)]
    of_split = splits(campaign)
    tested = next(name for name, split in of_split.items() if split == "test")
    never = next(name for name, split in of_split.items() if split == "pool" and name not in asked)
    ids = [asked[0], asked[-1], tested, never]
    for images in ("", str(pictures.images)):
        predict_in_parts(campaign.root, images, model="2")
    (folder / "few.csv").write_text(f"sample_id,label\n{tested},{tested.partition('/')[0]}\n")
    autolabel(campaign.root, Claim(0.5, 0.5, audit=20, steps=1), str(folder / "few.csv"), model="2")
    withdraw(campaign, folder, *ids)
    return folder, ids


@pytest.fixture
def campaign(withdrawn: tuple[Path, list[str]], tmp_path: Path) -> Bench:
    """A copy of it, of its own."""
    shutil.copytree(withdrawn[0] / "campaign", tmp_path / "campaign")
    return Bench(str(tmp_path / "campaign"))


def erase(campaign: Bench, withdrawn: tuple[Path, list[str]]) -> Erased:
    file = withdrawn[0] / "withdrawn.txt"
    return erase_samples(open_store(campaign.root), open_deleter(campaign.root), str(file), "asked for by a person")


def naming(campaign: Bench, ids: list[str]) -> list[str]:
    """Keys of all objects that have one of the ids, be it in a column of a table."""
    found = []
    for key, data in campaign.files().items():
        if key.endswith(".parquet"):
            table = pq.read_table(io.BytesIO(data))
            texts = {text for name in table.column_names for text in map(str, table[name].to_pylist())}
            found += [key] if texts.intersection(ids) else []
        elif any(name.encode() in data for name in ids):
            found.append(key)
    return found


def test_nothing_names_an_erased_sample(campaign: Bench, withdrawn: tuple[Path, list[str]]) -> None:
    store, ids = open_store(campaign.root), withdrawn[1]
    kinds = {key.partition("/")[0] for key in naming(campaign, ids)}
    assert kinds >= {
        "pool",
        "cycles",
        "history",
        "labels",
        "consensus",
        "spaces",
        "queries",
        "predictions",
        "autolabel",
    }
    before = campaign.state
    done = erase(campaign, withdrawn)
    assert done.samples == 4 and done.left == []
    assert naming(campaign, ids) == []
    assert campaign.state.commits == before.commits and campaign.state.summaries == before.summaries
    found = verify_campaign(store)
    assert found.faults == []
    erased = {finding.place for finding in found.findings if finding.kind == "erased"}
    assert erased == {key for key in done.rewritten if not key.endswith(".csv")}
    assert any("/report-" in key for key in erased) and any("/contact_sheet-" in key for key in erased)
    record = json.loads(store.read("erasures/000000.json"))
    assert record["reason"] == "asked for by a person" and len(record["samples"]) == 4
    assert replay_selection(store, 1).agreement == "erased"


def test_what_was_set_aside_beside_an_erased_sample_stays(campaign: Bench, withdrawn: tuple[Path, list[str]]) -> None:
    store, ids = open_store(campaign.root), withdrawn[1]
    space = campaign.state.campaign.base_space
    files = PartFiles(store, space)
    files.set_aside([{"sample_id": name, "uri": name, "reason": "torn"} for name in sorted([ids[0], "red/other.png"])])
    erase(campaign, withdrawn)
    assert [row["sample_id"] for row in files.were_set_aside()] == ["red/other.png"]
    assert any("/index-" in key for key in store.keys(f"spaces/{space}/")), "what is left has an index again"


def test_erased_once_nothing_is_written_again(campaign: Bench, withdrawn: tuple[Path, list[str]]) -> None:
    """Nor is what was put in the place of an erased picture since."""
    erase(campaign, withdrawn)
    picture = next(key for key in open_store(campaign.root).keys("cycles/") if "/contact_sheet-" in key)
    before = campaign.files()
    again = erase(campaign, withdrawn)
    assert (again.samples, again.rewritten, again.deleted) == (4, [], []) and campaign.files() == before
    open_store(campaign.root).write(picture, b"another picture")
    assert picture not in erase(campaign, withdrawn).rewritten


def test_the_campaign_goes_on(campaign: Bench, withdrawn: tuple[Path, list[str]]) -> None:
    """Its label file still names the samples."""
    store, ids = open_store(campaign.root), withdrawn[1]
    erase(campaign, withdrawn)
    answers = campaign.state.summaries[-1].answers
    while (facts := campaign.ingest()).decision != "done":
        for stage in ("embed base", "train_adapter", "embed tuned", "evaluate", "score", "select", "publish"):
            campaign.run(stage)
        assert facts.decision == "train"
    state = read_state(store)
    assert state.summaries[-1].answers == 32 and answers == 16
    assert naming(campaign, ids) == []
    assert verify_campaign(store).faults == []
    assert replay_selection(store, 3).agreement == "identical"


def kill_at(monkeypatch: pytest.MonkeyPatch, moments: Iterator[int]) -> None:
    """Let a process die before its so manieth write or deletion."""
    left = [next(moments)]

    def dying(do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any) -> Any:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return do(*arguments)

        return done

    for name in ("write", "write_if_absent"):
        monkeypatch.setattr(FolderStore, name, dying(getattr(FolderStore, name)))
    deleter = type(open_deleter("."))
    monkeypatch.setattr(deleter, "delete", dying(deleter.delete))


def test_whoever_is_killed_erases_again(campaign: Bench, withdrawn: tuple[Path, list[str]]) -> None:
    ids, kills = withdrawn[1], 0
    for moment in range(0, 200, 4):
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, iter([moment % 12]))
            try:
                erase(campaign, withdrawn)
                break
            except Killed:
                kills += 1
        unfinished = verify_campaign(open_store(campaign.root))
        assert {finding.kind for finding in unfinished.faults} <= {"inconsistent"}
        assert all("--erase again" in finding.message for finding in unfinished.faults)
        read_state(open_store(campaign.root))
    assert kills > 3
    assert naming(campaign, ids) == []
    assert verify_campaign(open_store(campaign.root)).faults == []


def test_what_is_not_withdrawn_is_not_erased(
    campaign: Bench, withdrawn: tuple[Path, list[str]], tmp_path: Path
) -> None:
    store = open_store(campaign.root)
    other = next(name for name in splits(campaign))
    (tmp_path / "other.txt").write_text(other)
    with pytest.raises(ConfigurationError, match="is not withdrawn"):
        erase_samples(store, open_deleter(campaign.root), str(tmp_path / "other.txt"), "")
    assert store.keys("erasures/") == []


def test_what_the_description_names_is_not_erased(begin: Callable[..., Bench], tmp_path: Path) -> None:
    listed = "red-50"
    campaign = begin(overrides={"selector.include": [listed]})
    withdraw(campaign, tmp_path, listed)
    (tmp_path / "listed.txt").write_text(listed)
    with pytest.raises(ConfigurationError, match="'red-50' stands in the recipe's list of samples"):
        erase_samples(open_store(campaign.root), open_deleter(campaign.root), str(tmp_path / "listed.txt"), "")


def test_a_damaged_record_is_named(campaign: Bench, withdrawn: tuple[Path, list[str]]) -> None:
    store = open_store(campaign.root)
    erase(campaign, withdrawn)
    record = store.read("erasures/000000.json")
    store.write("erasures/000000.json", record.replace(b"asked for", b"wanted by"))
    assert ("damaged", "erasures/000000.json") in {
        (finding.kind, finding.place) for finding in verify_campaign(open_store(campaign.root)).faults
    }
    with pytest.raises(CampaignError, match=r"erasures/000000\.json"):
        replay_selection(open_store(campaign.root), 1)


def test_other_damage_is_still_seen(campaign: Bench, withdrawn: tuple[Path, list[str]]) -> None:
    store = open_store(campaign.root)
    done = erase(campaign, withdrawn)
    query = next(key for key in done.rewritten if "/query-" in key)
    store.write(query, store.read(query) + b" ")
    assert [finding.place for finding in verify_campaign(store).faults] == [query]
    with pytest.raises(CampaignError, match="was changed after it was written"):
        replay_selection(open_store(campaign.root), int(query.split("/")[1]))


@pytest.fixture
def imported(begin: Callable[..., Bench], tmp_path: Path) -> tuple[Bench, list[str], Path]:
    """A campaign on embeddings after two cycles, two samples that were asked for, and a file that names them."""
    campaign = begin(recipe="logistic", budget=24, batch=8)
    campaign.run_cycle()
    campaign.run_cycle()
    gone = asked_in(campaign, campaign.state.commits[0])[:2]
    (tmp_path / "gone.txt").write_text("\n".join(gone))
    return campaign, gone, tmp_path / "gone.txt"


def test_the_command(imported: tuple[Bench, list[str], Path], labelcycle: Any) -> None:
    """What was erased does not join again, and erasing it again does nothing."""
    campaign, gone, file = imported
    root = campaign.root
    assert labelcycle("amend", root, "--erase").returncode == 1
    done = labelcycle("amend", root, "--withdraw", str(file), "--erase", "--reason", "privacy")
    assert done.returncode == 0, done.stderr
    assert "samples withdrawn: 2" in done.stdout and "erased: 2 samples" in done.stdout
    assert "not erased: what MLflow was given" in done.stderr and done.stderr.count("read 2 ids") == 1
    assert naming(campaign, gone) == []
    again = labelcycle("amend", root, "--withdraw", str(file), "--erase")
    assert "erased: 2 samples; no object has anything of them any more" in again.stdout
    again = labelcycle("amend", root, "--withdraw", str(file), "--erase", "--json")
    assert json.loads(again.stdout) == {"erased": {"samples": 2, "rewritten": [], "deleted": [], "left": []}}
    rows = write_rows(file.parent / "again.npz", [gone[0], "new"], np.ones((2, 8)), labels=np.array(["red", "blue"]))
    amend_campaign(open_store(root), WantedChanges(samples=WantedSamples(embeddings=rows)), "")
    assert gone[0] not in splits(campaign) and "new" in splits(campaign)
    while campaign.state.phase != "done":
        campaign.run_cycle()
    assert campaign.state.summaries[-1].answers == 24
    checked = labelcycle("verify", root)
    assert checked.returncode == 0 and "erased" in checked.stdout and "damaged" not in checked.stdout
    assert "erased: samples that cycle 1 chose from are gone" in labelcycle("replay", root, "--cycle", "1").stdout


def test_in_an_object_store(begin: Callable[..., Bench], s3_root: str, tmp_path: Path) -> None:
    campaign = begin(s3_root, recipe="logistic", budget=8, batch=8)
    campaign.run_cycle()
    gone = asked_in(campaign, campaign.state.commits[0])[:2]
    withdraw(campaign, tmp_path, *gone)
    file = str(tmp_path / "withdrawn.txt")
    assert erase_samples(open_store(s3_root), open_deleter(s3_root), file, "").deleted
    assert naming(campaign, gone) == []
    assert verify_campaign(open_store(s3_root)).faults == []
