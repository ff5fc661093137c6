"""The embed stage on images: what it computes, what it keeps, and what it sets aside."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError
from labelcycle.components.core.features.ordering import chunks_of_shard
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.components.embed import embedding_plan as plan
from labelcycle.components.embed import stage
from tests.cycle_records import TRAINING


@pytest.fixture
def own_pictures(tmp_path: Path, pictures: Any) -> Path:
    """A copy of the images that the test may break."""
    return Path(shutil.copytree(pictures.images, tmp_path / "images"))


def features(campaign: Any) -> tuple[list[str], np.ndarray]:  # type: ignore[type-arg]
    space = campaign.state.campaign.base_space
    return FeatureSpace(open_store(campaign.root), space).read()


def break_images(folder: Path, count: int) -> None:
    """Make images unreadable after the campaign began: delete the first, change the bytes of the others."""
    first, *others = sorted(folder.rglob("*.png"))[-count:]
    first.unlink()
    for path in others:
        path.write_bytes(path.read_bytes() + b"x")


def test_every_image_gets_features(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images()
    facts = campaign.run_until("embed base")
    ids, matrix = features(campaign)
    assert facts.as_metadata() == {
        "space": campaign.state.campaign.base_space,
        "embedded": 60,
        "kept": 0,
        "unreadable": 0,
    }
    assert len(ids) == 60 and matrix.shape == (60, 192) and len(np.unique(matrix, axis=0)) == 60


def test_the_space_says_what_it_was_made_from(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images()
    facts = campaign.run_until("embed base")
    provenance = open_store(campaign.root).read(f"spaces/{facts.space}/space.json").decode()
    assert campaign.state.campaign.backbone.weights.sha256 in provenance


def test_a_second_run_keeps_all_and_does_not_load_torch(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images()
    campaign.run_until("embed base")
    before = campaign.files()
    script = (
        "import sys; from labelcycle.components.embed.stage import run; "
        f"facts = run({campaign.root!r}, {campaign.cycle}, {campaign.attempt!r}, 'base'); "
        "print(facts.embedded, facts.kept, sorted({'torch', 'timm', 'peft', 'mlflow'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "0 60 []\n"
    assert campaign.files() == before


def test_only_missing_rows_are_added(begin_on_images: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = begin_on_images()
    monkeypatch.setattr(plan, "chunks_of_shard", partial(chunks_of_shard, rows=6))
    campaign.ingest()
    assert campaign.run("embed base", shard=1, shards=2).embedded == 30
    first = {key: data for key, data in campaign.files().items() if "/part-" in key}
    facts = campaign.run("embed base")
    assert (facts.embedded, facts.kept) == (30, 30)
    assert first.items() <= campaign.files().items()
    assert len(features(campaign)[0]) == 60


@pytest.mark.parametrize("shards", [2, 3])
def test_shards_give_the_same_features(
    begin_on_images: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    monkeypatch.setattr(plan, "chunks_of_shard", partial(chunks_of_shard, rows=7))
    whole, split = begin_on_images(str(tmp_path / "whole")), begin_on_images(str(tmp_path / "split"))
    whole.run_until("embed base")
    split.ingest()
    counts = [split.run("embed base", shard=shard, shards=shards).embedded for shard in range(shards)]
    assert sum(counts) == 60 and min(counts) > 0
    assert features(split)[0] == features(whole)[0]
    assert np.array_equal(features(split)[1], features(whole)[1])


def test_images_that_broke_are_set_aside_and_not_asked_for(
    begin_on_images: Callable[..., Any], own_pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = begin_on_images(images=str(own_pictures), max_unreadable=0.05, budget=48, batch=46)
    break_images(own_pictures, 3)
    facts = campaign.run_until("embed base")
    assert (facts.embedded, facts.unreadable) == (57, 3)
    assert "3 images cannot be read or have changed and were set aside" in capsys.readouterr().err
    reasons = [row["reason"] for row in FeatureSpace(open_store(campaign.root), facts.space).quarantined()]
    assert sorted(reasons) == ["cannot be read: No such file or directory"] + 2 * [
        "its content has changed since the campaign began"
    ]
    campaign.run("select")
    campaign.run("publish")
    campaign.run_until("train_adapter")


def test_images_set_aside_are_not_tried_again(begin_on_images: Callable[..., Any], own_pictures: Path) -> None:
    campaign = begin_on_images(images=str(own_pictures))
    break_images(own_pictures, 2)
    campaign.run_until("embed base")
    facts = campaign.run("embed base")
    assert (facts.embedded, facts.unreadable) == (0, 0)


@pytest.mark.parametrize("shards", [1, 3])
def test_too_many_broken_images_are_refused_every_time(
    begin_on_images: Callable[..., Any], own_pictures: Path, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    monkeypatch.setattr(plan, "chunks_of_shard", partial(chunks_of_shard, rows=7))
    campaign = begin_on_images(images=str(own_pictures))
    break_images(own_pictures, 4)
    campaign.ingest()

    def embed() -> None:
        for shard in range(shards):
            campaign.run("embed base", shard=shard, shards=shards)

    for _ in range(2):
        with pytest.raises(InputError, match="4 of 60 images .*, more than the allowed share of 5%; first 'red/16"):
            embed()


def test_a_table_that_was_replaced_is_said_to_have_changed(
    begin_on_small_network: Callable[..., Any], pictures: Any, tmp_path: Path
) -> None:
    names = sorted(pictures.images.rglob("*.png"))
    rows = [{"bytes": path.read_bytes(), "path": path.name} for path in names]
    file = tmp_path / "all.parquet"
    pq.write_table(pa.table({"image": rows, "label": [path.parent.name for path in names]}), file)
    campaign = begin_on_small_network(images=str(file), labels_from=None, test=None)
    pq.write_table(pa.table({"image": rows[:40]}), file)
    with pytest.raises(InputError, match="images have changed, .* row is not there, or the file has changed"):
        campaign.run_until("embed base")


def test_replaced_images_are_said_to_have_changed(begin_on_images: Callable[..., Any], own_pictures: Path) -> None:
    campaign = begin_on_images(images=str(own_pictures))
    for path in sorted(own_pictures.rglob("*.png"))[:4]:
        shutil.copyfile(own_pictures / "red" / "19.png", path)
    with pytest.raises(InputError, match="4 of 60 images have changed, .*changed since the campaign began"):
        campaign.run_until("embed base")


def test_restored_images_end_the_refusal(
    begin_on_images: Callable[..., Any], own_pictures: Path, pictures: Any
) -> None:
    campaign = begin_on_images(images=str(own_pictures))
    break_images(own_pictures, 4)
    with pytest.raises(InputError):
        campaign.run_until("embed base")
    shutil.copytree(pictures.images, own_pictures, dirs_exist_ok=True)
    campaign.run("embed base")
    assert len(features(campaign)[0]) == 60


def test_the_last_cycle_embeds_only_the_test_set(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(
        recipe="peal_entropy", budget=8, batch=8, overrides={"trainer.epochs": 1, "trainer.rank": 1}
    )
    assert campaign.run_until("embed base").embedded == 0
    campaign.run("select")
    campaign.run("publish")
    facts = campaign.run_until("embed tuned")
    assert facts.space != campaign.state.campaign.base_space
    assert facts.embedded == 12


def test_the_adapter_changes_the_features(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(recipe="peal_entropy", overrides={"trainer.epochs": 2, "trainer.rank": 1})
    campaign.run_cycle()
    tuned = campaign.run_until("embed tuned").space
    campaign.replace("train_adapter", "training.json", canonical_json(TRAINING | {"space": "base"}))
    base = stage.run(campaign.root, campaign.cycle, campaign.attempt, "tuned").space
    spaces = [FeatureSpace(open_store(campaign.root), name).read()[1] for name in (tuned, base)]
    assert spaces[0].shape == spaces[1].shape and not np.array_equal(*spaces)


def test_embeddings_need_nothing_but_their_places_on_the_map(begin: Callable[..., Any]) -> None:
    campaign = begin()
    before = campaign.files()
    facts = campaign.run_until("embed base")
    assert facts.as_metadata() == {
        "space": campaign.state.campaign.base_space,
        "embedded": 0,
        "kept": 0,
        "unreadable": 0,
    }
    new = campaign.files().keys() - before.keys() - {campaign.work.key("decision.json")}
    assert len(new) == 1 and new.pop().startswith(f"spaces/{campaign.state.campaign.base_space}/map-")
    campaign.run("embed base")
    assert len(campaign.files()) == len(before) + 2


def test_unknown_targets_and_attempts_are_refused(begin: Callable[..., Any]) -> None:
    campaign = begin()
    with pytest.raises(CampaignError, match=r"No attempt 'x' at cycle 0 .* Run the label_ingest stage first"):
        stage.run(campaign.root, 0, "x", "base")
    campaign.ingest()
    with pytest.raises(ConfigurationError, match=r"no target 'other'. Choose one of: base, tuned"):
        campaign.run("embed other")


def test_images_on_s3(begin_on_images: Callable[..., Any], s3_root: str, pictures: Any, tmp_path: Path) -> None:
    store = open_store(s3_root)
    for path in pictures.images.rglob("*.png"):
        store.write(f"photos/{path.relative_to(pictures.images).as_posix()}", path.read_bytes())
    local = begin_on_images(str(tmp_path / "local"))
    remote = begin_on_images(f"{s3_root}/campaign", images=f"{s3_root}/photos")
    for campaign in (local, remote):
        campaign.run_until("embed base")
    assert features(remote)[0] == features(local)[0]
    assert np.array_equal(features(remote)[1], features(local)[1])


def test_greyscale_and_other_sizes(begin_on_images: Callable[..., Any], own_pictures: Path) -> None:
    Image.new("L", (9, 200), 128).save(own_pictures / "grey.png")
    campaign = begin_on_images(images=str(own_pictures))
    assert campaign.run_until("embed base").embedded == 61


def test_bfloat16_is_a_space_of_its_own_with_nearly_the_same_features(
    begin_on_images: Callable[..., Any], tmp_path: Path
) -> None:
    exact, coarse = begin_on_images(), begin_on_images(str(tmp_path / "coarse"), precision="bfloat16")
    for campaign in (exact, coarse):
        campaign.ingest()
        campaign.run("embed", target="base")
    assert exact.state.campaign.base_space != coarse.state.campaign.base_space
    wanted, found = features(exact)[1].astype(np.float32), features(coarse)[1].astype(np.float32)
    cosine = (wanted * found).sum(axis=1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(found, axis=1)
    assert not np.array_equal(wanted, found) and cosine.min() > 0.99
