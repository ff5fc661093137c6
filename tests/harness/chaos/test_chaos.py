"""A few kills in every run of the tests, and a look at whether the harness would see a loss."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness.chaos.crash_points import FOLDER_MOMENTS
from tests.harness.chaos.every_write import every_write
from tests.harness.chaos.examine import differing, examine
from tests.harness.chaos.trial import Reference

REPOSITORY = Path(__file__).parents[3]

pytestmark = pytest.mark.system


@pytest.mark.timeout(900)
def test_a_few_kills_lose_nothing(counts_of: Callable[..., Any]):
    counts = counts_of("chaos", "--kills", "6", "--seed", "5", "--campaigns", "quick", "--workers", "1")
    assert counts["kills"] >= 6
    assert counts["lost"] == counts["differing"] == 0
    assert counts["resumes"] == counts["kills"]


@pytest.mark.parametrize("moment", FOLDER_MOMENTS)
def test_a_process_dies_at_its_crash_point(moment: str, tmp_path: Path):
    script = f"""
import os
from pathlib import Path
from labelcycle.components.core.storage import open_store
from tests.harness.chaos.crash_points import CrashPoint, Writes
os.setsid()
Writes(Path({str(tmp_path / "writes.jsonl")!r}), CrashPoint({moment!r}, key="second")).watch()
store = open_store({str(tmp_path / "root")!r})
store.write("first", b"12345678")
store.write_if_absent("second", b"12345678")
print("alive")
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, timeout=120)
    assert ran.returncode == -9, ran.stderr
    contents = [path.read_bytes() for path in (tmp_path / "root").iterdir() if path.name != "first"]
    whole, half = b"12345678", b"1234"
    assert contents == {"before": [], "torn": [half], "unnamed": [whole], "after": [whole, whole]}[moment]
    assert (tmp_path / "root" / "second").exists() == (moment == "after")


@pytest.fixture(scope="module")
def whole(embeddings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that is done."""
    from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
    from tests.harness.chaos.operator import run_cycle

    root = tmp_path_factory.mktemp("whole") / "campaign"
    quick = {"trainer.epochs": 2}
    begin_campaign(
        str(root),
        CampaignSettings(recipe="linear_probe", embeddings=str(embeddings), budget=4, batch=4, overrides=quick),
    )
    while run_cycle(str(root)) != "done":
        pass
    return root


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _fill_in(path: Path) -> None:
    path.write_text(path.read_text().replace(",,\n", ",blue,\n"))


@pytest.mark.parametrize(
    ("pattern", "damage", "problem"),
    [
        ("cycles/1/*/head-*", Path.unlink, "cycle 1 lacks its head"),
        ("cycles/1/*/head-*", _truncate, "the head of cycle 1"),
        ("queries/cycle-0000.csv", Path.unlink, "the query of cycle 0 was not delivered"),
        ("queries/cycle-0000.json", Path.unlink, "the query of cycle 0 has no receipt"),
        ("queries/cycle-0000.csv", _fill_in, ""),
        ("labels/*", _truncate, "the labels of cycle 1"),
        ("cycles/1/commit.json", Path.unlink, ""),
    ],
)
def test_what_is_lost_is_seen(whole: Path, tmp_path: Path, pattern: str, damage: Callable[[Path], Any], problem: str):
    import shutil

    root = shutil.copytree(whole, tmp_path / "campaign")
    reference = examine(str(whole))
    assert reference["problems"] == []
    damage(next(root.glob(pattern)))
    found = examine(str(root))
    assert differing(found, reference) or found["problems"]
    assert not problem or any(one.startswith(problem) for one in found["problems"])


def test_every_write_has_a_crash_point_at_each_of_its_moments():
    keys = ["pool/truth.parquet", "campaign.json", "cycles/0/a/decision.json", "spaces/s/part.parquet"]
    keys += ["cycles/0/commit.json", "queries/cycle-0000.csv", "labels/1-d.parquet", "promotions/000000.json"]
    campaigns = every_write(Reference({}, 1.0, [keys[:4], keys[4:]]), on_s3=False)
    points = [(point.key, point.moment) for points in campaigns for point in points]
    assert sorted(points) == sorted((key, moment) for key in keys for moment in FOLDER_MOMENTS)
    assert [point.key for point in campaigns[0]] == [keys[0], keys[2], keys[6], keys[7]]
