"""Verification: a sound campaign is found sound, and whatever is done to one of its objects is named."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.commits import commit_key, read_commit, read_commits
from labelcycle.components.core.campaign.history import History, history_of
from labelcycle.components.core.campaign.history_tables import read_requests
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import sealed, unsealed
from labelcycle.components.core.storage.tables import write_table
from labelcycle.components.notification.news import news_of
from labelcycle.components.notification.records import claim
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.autolabel.protocol import Claim, autolabel
from labelcycle.pipelines.prediction.on_this_machine import predict_in_parts
from labelcycle.pipelines.verification import verify as verification
from labelcycle.pipelines.verification.histories import check_histories
from labelcycle.pipelines.verification.known_objects import PATTERNS, known_key
from labelcycle.pipelines.verification.verify import Verification, verify_campaign
from tests.conftest import Bench


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, pictures: Any) -> Path:
    """A campaign of a cold start and two trained cycles."""
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign

    root = tmp_path_factory.mktemp("kept") / "campaign"
    overrides = {"trainer.epochs": 1, "trainer.rank": 1}
    data = {"images": str(pictures.images), "labels_from": str(pictures.labels), "test": str(pictures.test)}
    settings = {"recipe": "peal_entropy", "budget": 24, "batch": 8, "price_cpu_hour": 1.0}
    begin_campaign(str(root), CampaignSettings(overrides=overrides, **settings, **data))
    campaign = Bench(str(root))
    amend_campaign(open_store(str(root)), WantedChanges(budget=32), "")
    for _ in range(3):
        campaign.run_cycle()
    for images in ("", str(pictures.images)):
        predict_in_parts(str(root), images, model="2")
    autolabel(str(root), Claim(0.9, 0.1, audit=1, steps=1), model="2")
    claim(open_store(str(root)), news_of("target_met", campaign.state, str(root), 1, "as good as was wished"))
    return root


@pytest.fixture
def root(kept: Path, tmp_path: Path) -> Path:
    """The same, to be damaged."""
    return shutil.copytree(kept, tmp_path / "campaign")


def verified(root: Path, **settings: bool) -> Verification:
    return verify_campaign(open_store(str(root)), **settings)


def faults(root: Path) -> list[tuple[str, str]]:
    return [(finding.kind, finding.place) for finding in verified(root).faults]


def first_of(root: Path, kind: str) -> str:
    """The first key of that kind."""
    return next(key for key in open_store(str(root)).keys("") if (known := known_key(key)) and known.kind == kind)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def test_a_sound_campaign(kept: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("*")}
    found = verified(kept, with_images=True)
    assert found.findings == [] and found.cycles == 3 and found.images == 60
    assert found.objects["commit"] == 3 and found.objects["features"] == 4 and "foreign" not in found.objects
    assert sum(found.objects.values()) == sum(path.is_file() for path in kept.rglob("*"))
    assert {path: path.stat().st_mtime_ns for path in kept.rglob("*")} == before


def test_a_campaign_just_begun_is_sound(begin: Callable[..., Bench]) -> None:
    assert verified(Path(begin().root)).findings == []


CHECKED = sorted(
    PATTERNS.keys()
    - {
        "complete",
        "pruned",
        "handout",
        "audit",
        "checkpoint",
        "backtest",
        "tracking",
        "promotion",
        "quarantine",
        "consensus",
        "trial",
        "erasure",
    }
)


@pytest.mark.parametrize("kind", CHECKED)
def test_a_flipped_bit_is_named(root: Path, kind: str) -> None:
    key = first_of(root, kind)
    flip(root / key)
    assert ("damaged", key) in faults(root)


@pytest.mark.parametrize("kind", CHECKED)
def test_a_truncated_object_is_named(root: Path, kind: str) -> None:
    key = first_of(root, kind)
    (root / key).write_bytes((root / key).read_bytes()[:-7])
    assert ("damaged", key) in faults(root)


@pytest.mark.parametrize("kind", ["commit", "decision", "result", "votes", "table", "weights"])
def test_a_lost_object_is_named(root: Path, kind: str) -> None:
    key = first_of(root, kind)
    (root / key).unlink()
    assert ("missing", key) in faults(root)


def test_lost_features_are_named(root: Path) -> None:
    for path in root.glob("spaces/*/part-*"):
        path.unlink()
    lost = [finding for finding in verified(root).faults if finding.kind == "missing"]
    assert lost and all("12 samples of the test set have no features" in finding.message for finding in lost)


def test_imported_features_are_all_needed(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    for _ in range(2):
        campaign.run_cycle()
    root = Path(campaign.root)
    assert faults(root) == []
    for path in root.glob("spaces/*/part-*"):
        path.unlink()
    (missing,) = verified(root).faults
    assert "60 samples have no features" in missing.message and "with the same labelcycle init" in missing.message


def test_the_answers_that_the_campaign_keeps_are_missed(begin: Callable[..., Bench], embeddings: Path) -> None:
    root = Path(begin(embeddings=str(embeddings), labels_from=None).root)
    (answers,) = root.glob("oracle/*.parquet")
    answers.unlink()
    assert faults(root) == [("missing", answers.relative_to(root).as_posix())]


def test_what_is_noted_of_these_answers_may_be_gone_and_not_be_damaged(begin: Callable[..., Bench]) -> None:
    root = Path(begin().root)
    (note,) = root.glob("oracle/*.json")
    flip(note)
    assert faults(root) == [("damaged", note.relative_to(root).as_posix())]
    note.unlink()
    assert verified(root).findings == []


def test_the_description_of_a_space_may_be_gone(root: Path) -> None:
    (root / first_of(root, "space")).unlink()
    assert [(finding.kind, finding.place[-11:]) for finding in verified(root).findings] == [("note", "/space.json")]


@pytest.mark.parametrize("name", ["notes.txt", "cycles/1/model.pkl", "spaces/0123456789abcdef/part-0.parquet"])
def test_what_others_have_put_there_is_named(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_bytes(b"anything")
    assert faults(root) == [("foreign", name)]


def resealed(root: Path, key: str, **changes: Any) -> None:
    """Change a sealed object as somebody would who knows how."""
    path = root / key
    path.write_bytes(sealed(unsealed(path.read_bytes(), key, "it") | changes))


def test_a_campaign_description_that_was_changed_with_care_is_named(root: Path) -> None:
    resealed(root, "campaign.json", budget=1000)
    found = faults(root)
    assert {("inconsistent", commit_key(cycle)) for cycle in range(3)} <= set(found)


def test_the_commit_of_another_campaign_is_named(root: Path, begin: Callable[..., Bench], tmp_path: Path) -> None:
    other = begin(str(tmp_path / "other"))
    for _ in range(3):
        other.run_cycle()
    shutil.rmtree(root / "cycles" / "2")
    shutil.copytree(Path(other.root) / "cycles" / "2", root / "cycles" / "2")
    assert ("inconsistent", "cycles/2/commit.json") in faults(root)


def test_a_cycle_from_elsewhere_in_the_chain_is_named(root: Path) -> None:
    resealed(
        root, "cycles/2/commit.json", objects=unsealed((root / "cycles/1/commit.json").read_bytes(), "", "")["objects"]
    )
    assert ("inconsistent", "cycles/2/commit.json") in faults(root)


def test_a_gap_is_named(root: Path) -> None:
    (root / "cycles/1/commit.json").unlink()
    assert ("missing", "cycles/1/commit.json") in faults(root)


def test_a_history_that_says_something_else_than_its_cycles_is_named(root: Path) -> None:
    store = open_store(str(root))
    commit = read_commit(store, 2)
    assert commit is not None
    segment = history_of(store, commit).segments[0]
    requests = read_requests(store, History(segments=[segment]))
    fewer = write_table(store, f"history/0-1-requests-{'0' * 16}.parquet", requests.slice(1))
    forged = History(segments=[segment.model_copy(update={"requests": fewer})])
    [finding] = check_histories(store, read_commits(store), {2: forged})
    assert finding.place == "cycles/2/commit.json"
    assert finding.message.startswith("Its history of cycles 0 to 1 is not theirs.")


def test_a_history_that_leaves_a_cycle_out_is_named(root: Path) -> None:
    store = open_store(str(root))
    commits = read_commits(store)
    [finding] = check_histories(store, commits, {2: history_of(store, commits[1])})
    assert finding.message.startswith("Its history covers other cycles than the 2 before it.")


def test_more_than_the_budget_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = verification.load_campaign
    monkeypatch.setattr(verification, "load_campaign", lambda store: load(store).model_copy(update={"budget": 20}))
    (found,) = [finding for finding in verified(root).faults if finding.place == "campaign.json"]
    assert found.message.startswith("24 samples were asked for, more than the budget 20")


def test_a_promotion_that_was_changed_is_named(root: Path) -> None:
    (root / "promotions").mkdir()
    (root / "promotions/000000.json").write_bytes(b"{}")
    assert faults(root) == [("damaged", "promotions")]


def test_a_query_that_people_do_not_have_is_a_note(root: Path) -> None:
    (root / "queries/cycle-0001.json").unlink()
    (root / "queries/cycle-0000.csv").unlink()
    rows = list(csv.reader(io.StringIO((root / "queries/cycle-0002.csv").read_text())))
    assert len(rows) == 1 + 8
    lines = (root / "queries/cycle-0002.csv").read_text().splitlines(keepends=True)
    (root / "queries/cycle-0002.csv").write_text("".join(lines[:-2]))
    found = verified(root)
    assert found.faults == []
    places = [finding.place for finding in found.findings]
    assert places == ["queries/cycle-0000.csv", "queries/cycle-0001.json", "queries/cycle-0002.csv"]
    assert "2 samples that were asked for are not in it any more" in found.findings[2].message


def test_a_result_that_is_gone_and_that_no_commit_names_is_a_note(root: Path) -> None:
    (scores,) = root.glob("cycles/1/*/scores/*.parquet")
    scores.unlink()
    (note,) = verified(root).findings
    assert (note.kind, note.place) == ("note", scores.relative_to(root).as_posix())
    assert note.message.startswith("This result is gone.")


@pytest.mark.parametrize("stage", ["train_adapter", "evaluate", "score-0-of-1", "select", "publish"])
def test_a_record_that_is_gone_is_a_note(root: Path, stage: str) -> None:
    (record,) = root.glob(f"cycles/1/*/results/{stage}.json")
    record.unlink()
    found = verified(root)
    assert found.faults == []
    (note,) = found.findings
    assert note.place == record.relative_to(root).as_posix().removesuffix("-0-of-1.json").removesuffix(".json")


def test_an_attempt_that_was_not_committed_is_a_note(begin: Callable[..., Bench]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("score")
    found = verified(Path(campaign.root))
    assert found.faults == [] and "1 attempts were never committed" in found.findings[0].message


def test_images_that_have_changed_are_notes(
    begin_on_images: Callable[..., Bench], pictures: Any, tmp_path: Path
) -> None:
    images = shutil.copytree(pictures.images, tmp_path / "images")
    campaign = begin_on_images(images=str(images))
    (images / "red/10.png").unlink()
    flip(images / "red/11.png")
    found = verified(Path(campaign.root), with_images=True)
    assert found.faults == [] and [Path(finding.place).name for finding in found.findings] == ["10.png", "11.png"]
    assert verified(Path(campaign.root)).findings == []


def test_a_campaign_on_s3(begin: Callable[..., Bench], s3_root: str) -> None:
    campaign = begin(s3_root)
    campaign.run_cycle()
    campaign.run_cycle()
    store = open_store(s3_root)
    assert verify_campaign(store).findings == []
    key = read_commits(store)[1].objects["head"].key
    store.write(key, store.read(key)[:-1])
    assert [finding.place for finding in verify_campaign(store).faults] == [key]
