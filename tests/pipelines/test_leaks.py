"""Samples of the pool that are nearly the same as a test sample, and classes of the test set that the pool lacks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import QUARANTINE, read_table
from labelcycle.pipelines.initialise.known_labels import tell_of_classes_on_one_side
from labelcycle.pipelines.initialise.leaks import find_leaks
from labelcycle.pipelines.initialise.samples import Samples
from tests.conftest import Bench

Begin = Callable[..., Bench]


@pytest.fixture
def leaking(tmp_path: Path) -> str:
    """Sixty embeddings far from the origin, two of which are nearly copies of test samples."""
    generator = np.random.default_rng(0)
    features = 50 + generator.normal(size=(60, 8)).astype(np.float32)
    features[20], features[21] = features[0] + 0.01, features[1] - 0.01
    ids = np.array([f"s{row:02d}" for row in range(60)])
    labels = np.array(["cat", "dog"])[np.arange(60) % 2]
    labels[4] = "owl"
    splits = np.where(np.arange(60) < 10, "test", "pool")
    np.savez(tmp_path / "leaking.npz", ids=ids, features=features, labels=labels, splits=splits)
    return str(tmp_path / "leaking.npz")


def pool_of(campaign: Bench) -> set[str]:
    rows = load_pool(open_store(campaign.root), campaign.state.campaign).to_pylist()
    return {row["sample_id"] for row in rows if row["split"] == "pool"}


def test_leaks_are_counted_and_stay_unless_they_are_to_be_dropped(
    begin: Begin, leaking: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {"s20", "s21"} <= pool_of(begin(embeddings=leaking))
    told = capsys.readouterr().err
    assert "2 samples of the pool are nearly the same as a test sample, most of all 's2" in told
    assert "To set them aside: --drop-leaks." in told


def test_leaks_are_set_aside_with_their_reason(begin: Begin, leaking: str, tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text("sample_id,label\ns20,cat\ns30,cat\ns31,dog\n")
    (tmp_path / "include.txt").write_text("s21\ns40\n")
    lists = {"known_labels": [str(tmp_path / "known.csv")], "include": str(tmp_path / "include.txt")}
    campaign = begin(embeddings=leaking, drop_leaks=True, **lists)
    described = campaign.state.campaign
    assert len(pool_of(campaign)) == 48 and not {"s20", "s21"} & pool_of(campaign)
    reasons = {row["sample_id"]: row["reason"] for row in _set_aside(campaign)}
    assert reasons.keys() == {"s20", "s21"} and "the test sample 's00' (cosine similarity 0.99" in reasons["s20"]
    assert described.recipe.selector.include == ["s40"]
    campaign.ingest()
    assert campaign.work.labelled() == {"s30": "cat", "s31": "dog"}


def test_leaks_of_a_test_set_from_the_budget(begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features = np.repeat(np.random.default_rng(1).normal(size=(60, 8)), 2, axis=0)
    np.savez(tmp_path / "twins.npz", ids=np.array([f"t{row:03d}" for row in range(120)]), features=features)
    campaign = begin(
        embeddings=str(tmp_path / "twins.npz"), classes=["cat", "dog"], test_from_budget=10, drop_leaks=True
    )
    assert "are nearly the same as a test sample" in capsys.readouterr().err
    rows = load_pool(open_store(campaign.root), campaign.state.campaign).to_pylist()
    of = {
        split: {int(row["sample_id"][1:]) // 2 for row in rows if row["split"] == split} for split in ("pool", "test")
    }
    assert not of["pool"] & of["test"] and len(of["pool"] | of["test"]) == 60


def test_images_that_were_stored_anew_or_made_smaller(
    begin: Begin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, generator = tmp_path / "photos", np.random.default_rng(0)
    folder.mkdir()
    for number in range(20):
        coarse = Image.fromarray(generator.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((96, 96), Image.Resampling.BICUBIC).save(folder / f"{number:02d}.png")
    for number in (20, 21):  # plain ones, which are all alike
        Image.new("RGB", (96, 96), (number, 90, 90)).save(folder / f"{number}.png")
    first, second = (Image.open(folder / f"0{number}.png") for number in (0, 1))
    first.save(folder / "anew.jpg", quality=60)
    second.resize((64, 64)).point(lambda value: int(0.8 * value)).save(folder / "smaller.png")
    rows = [f"{name}.png,{'cat' if int(name) % 2 else 'dog'}" for name in ("00", "01", "02", "03", "20")]
    (tmp_path / "test.csv").write_text("\n".join(["sample_id,label", *rows, ""]))
    campaign = begin(embeddings=None, images=str(folder), test=str(tmp_path / "test.csv"), drop_leaks=True, batch=4)
    assert "2 samples of the pool are nearly the same as a test sample, most of all" in capsys.readouterr().err
    reasons = {row["sample_id"]: row["reason"] for row in _set_aside(campaign)}
    assert reasons.keys() == {"anew.jpg", "smaller.png"} and "the test sample '00.png'" in reasons["anew.jpg"]


def test_without_embeddings_or_thumbnails_nothing_is_looked_for() -> None:
    assert find_leaks(Samples({"a": "a.png", "b": "b.png"}), {"a": "pool", "b": "test"}) == []


def test_classes_that_only_the_test_set_has_are_named(
    begin: Begin, leaking: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(embeddings=leaking)
    assert "of these classes of the test set, so no model will learn them: owl." in capsys.readouterr().err


def test_classes_that_only_one_side_has_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    splits = {"a": "pool", "b": "pool", "c": "test", "d": "test"}
    test = {"c": "cat", "d": "bird"}
    tell_of_classes_on_one_side(test, {"a": "cat", "b": "dog"} | test, splits)
    told = capsys.readouterr().err
    assert "so no model will learn them: bird." in told and "a model knows them is not measured: dog." in told
    tell_of_classes_on_one_side(test, {"b": "dog"} | test, splits)
    told = capsys.readouterr().err
    assert "no model will learn" not in told and "is not measured: dog." in told


def _set_aside(campaign: Bench) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = read_table(
        open_store(campaign.root), campaign.state.campaign.quarantine, QUARANTINE
    ).to_pylist()
    return rows


def test_many_pairs_are_compared_only_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("labelcycle.pipelines.initialise.leaks.MOST_PAIRS", 1)
    features = np.array([[1, 0], [1, 0], [0, 1]], np.float16)
    samples, splits = (
        Samples({"a": None, "b": None, "c": None}, features=features),
        {"a": "test", "b": "pool", "c": "pool"},
    )
    assert find_leaks(samples, splits) == []
    assert "2 samples of the pool were not compared with 1 test samples: --drop-leaks" in capsys.readouterr().err
    assert [(leak.sample_id, leak.test_id) for leak in find_leaks(samples, splits, asked_for=True)] == [("b", "a")]
