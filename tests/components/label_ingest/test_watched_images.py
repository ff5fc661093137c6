"""A folder that grows: each cycle begins with the images that have come, and is the same cycle ever after."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.label_ingest import watched_images
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import Bench, Pictures

Begin = Callable[..., Bench]


def write_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(path)


@pytest.fixture
def folder(pictures: Pictures, tmp_path: Path) -> Path:
    """A copy of the pictures, to which images are added."""
    return Path(shutil.copytree(pictures.images, tmp_path / "growing"))


@pytest.fixture
def labels(pictures: Pictures, tmp_path: Path) -> Path:
    """A label file that knows the images to come, too."""
    file = tmp_path / "labels.csv"
    file.write_text(pictures.labels.read_text())
    return file


def add_label(labels: Path, *names: str) -> None:
    labels.write_text(labels.read_text() + "".join(f"{name},red\n" for name in names))


def pool(campaign: Bench) -> list[str]:
    return ids_of_split(open_store(campaign.root), campaign.state.campaign, "pool")


def test_each_cycle_begins_with_what_has_come(begin_on_small_network: Begin, folder: Path, labels: Path) -> None:
    campaign = begin_on_small_network(
        recipe="logistic", budget=60, batch=46, images=str(folder), labels_from=str(labels), watch_images=str(folder)
    )
    store = open_store(campaign.root)
    campaign.run_cycle()
    assert campaign.state.newest_amendment is None, "nothing has come"
    write_image(folder / "late" / "0.png", 1)
    write_image(folder / "late" / "1.png", 2)
    shutil.copy(folder / "red" / "10.png", folder / "late" / "copy.png")
    (folder / "late" / "half-written.png").write_bytes((folder / "red" / "10.png").read_bytes()[:100])
    labels_now = labels.read_text()
    labels.write_text("sample_id,label\n")
    assert campaign.ingest().decision == "wait" and store.keys("amendments/") == [], "nobody looks while labels are due"
    labels.write_text(labels_now)
    campaign.run_cycle()
    assert {"late/0.png", "late/1.png"} <= set(pool(campaign))
    assert {"late/copy.png", "late/half-written.png"}.isdisjoint(pool(campaign))
    state = campaign.state
    assert state.amended is not None
    (found,) = state.amended.amendments
    assert found.counts == {"new in the pool": 2, "set aside": 1} and str(folder) in found.reason
    add_label(labels, "late/0.png", "late/1.png")
    write_image(folder / "late" / "half-written.png", 3)
    campaign.run_cycle()
    add_label(labels, "late/half-written.png")
    while campaign.state.phase != "done":
        campaign.run_cycle()
    assert campaign.ingest().decision == "done" and len(store.keys("amendments/")) == 2
    asked = {
        name
        for commit in campaign.state.commits
        for name in read_query(store, commit.objects["query"])["sample_id"].to_pylist()
    }
    assert {"late/0.png", "late/1.png", "late/half-written.png"} <= asked
    assert campaign.state.summaries[-1].answers == 51
    write_image(folder / "late" / "more.png", 4)
    add_label(labels, "late/more.png")
    assert campaign.run_cycle().query_size == 1, "a pool that was exhausted has one more"
    assert verify_campaign(store).faults == []
    assert all(replay_selection(store, cycle).agreement == "identical" for cycle in (1, 2))


def test_a_cycle_stays_what_it_was_whatever_comes_later(
    begin_on_small_network: Begin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin_on_small_network(recipe="logistic", images=str(folder), watch_images=str(folder))
    campaign.run_cycle()
    write_image(folder / "late.png", 1)
    append = watched_images.append_amendment

    def after_another(store: Any, amendment: Any) -> bool:
        monkeypatch.setattr(watched_images, "append_amendment", append)
        amend_campaign(open_store(campaign.root), WantedChanges(batch=3), "first")
        return append(store, amendment)

    monkeypatch.setattr(watched_images, "append_amendment", after_another)
    campaign.ingest()
    assert campaign.work.campaign.batch == 3, "the run that lost looks at the campaign again"
    write_image(folder / "later.png", 2)
    before = campaign.attempt
    campaign.run("embed base")
    assert campaign.work.name == before and "later.png" not in pool(campaign)


def test_watching_later_and_no_more(begin_on_small_network: Begin, labels: Path, tmp_path: Path) -> None:
    campaign = begin_on_small_network(recipe="logistic", labels_from=str(labels))
    store = open_store(campaign.root)

    def watch(where: str) -> None:
        amend_campaign(store, WantedChanges(samples=WantedSamples(watch_images=where)), "")

    write_image(tmp_path / "other" / "other.png", 1)
    add_label(labels, "other.png")
    watch(str(tmp_path / "other"))
    campaign.run_cycle()
    assert "other.png" in pool(campaign)
    watch("")
    write_image(tmp_path / "other" / "late.png", 2)
    campaign.run_cycle()
    assert "late.png" not in pool(campaign) and campaign.state.campaign.watch_images is None
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        watch(str(tmp_path / "nowhere"))


def test_campaigns_that_cannot_watch(begin: Begin, begin_on_images: Begin, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--watch-images: a campaign on embeddings has no images"):
        begin(watch_images=str(tmp_path))
    with pytest.raises(ConfigurationError, match="--watch-images: the labels of its pool are known"):
        begin_on_images(labels_from=None, folder_labels=True, play_annotator=True, watch_images=str(tmp_path))


def test_a_prefix_of_an_object_store(
    begin_on_small_network: Begin, pictures: Pictures, labels: Path, s3_root: str
) -> None:
    growing = open_store(f"{s3_root}-images")
    for path in pictures.images.rglob("*.png"):
        growing.write(str(path.relative_to(pictures.images)), path.read_bytes())
    growing.write(".hidden.png", b"")
    campaign = begin_on_small_network(
        s3_root, recipe="logistic", images=growing.root, labels_from=str(labels), watch_images=f"{growing.root}/"
    )
    campaign.run_cycle()
    assert campaign.state.newest_amendment is None, "nothing has come"
    late = io.BytesIO()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(late, "PNG")
    growing.write("late/0.png", late.getvalue())
    campaign.ingest()
    assert len(pool(campaign)) == 49 and "late/0.png" in pool(campaign)
