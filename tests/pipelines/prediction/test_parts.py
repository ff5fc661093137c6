"""Predictions in parts: the same for any number of shards, kept where they are, by features where there are any."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.models import classify_images
from labelcycle.pipelines.models.choice import choose_model
from labelcycle.pipelines.prediction import commit, parts, prediction_plan, start
from labelcycle.pipelines.prediction.on_this_machine import predict_in_parts
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import Pictures
from tests.pipelines.models.conftest import crown, on_embeddings, on_embeddings_once, trained, trained_once

__all__ = ["on_embeddings", "on_embeddings_once", "trained", "trained_once"]

ROWS = 7


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a few rows, so that there are several."""
    monkeypatch.setattr(start, "POOL_ROWS", ROWS)
    monkeypatch.setattr(start, "IMAGE_ROWS", ROWS)


@pytest.fixture
def champion(on_embeddings: str) -> str:
    """A campaign on embeddings with a champion."""
    crown(on_embeddings)
    return on_embeddings


def contents(root: str, prediction: str) -> dict[str, bytes]:
    store = open_store(root)
    return {key: store.read(key) for key in store.keys(f"predictions/{prediction}/")}


def predicted_in(root: str, shards: int, images: str = "") -> dict[str, bytes]:
    started = start.run(root, images, shards=shards)
    for shard in reversed(range(shards)):
        parts.run(root, started.prediction, shard, shards)
    commit.run(root, started.prediction)
    return contents(root, started.prediction)


def forget(root: str) -> None:
    for path in (Path(root) / "predictions").rglob("*"):
        if path.is_file():
            path.unlink()


def test_the_pool_is_the_same_in_any_number_of_shards(champion: str, tmp_path: Path) -> None:
    whole = predicted_in(champion, 1)
    assert sum("/part-" in key for key in whole) == -(-48 // ROWS)
    forget(champion)
    assert predicted_in(champion, 3) == whole
    forget(champion)
    assert predicted_in(champion, 20) == whole
    made = predict_in_parts(champion, output=str(tmp_path / "pool.parquet"))
    found = pq.read_table(tmp_path / "pool.parquet")
    chosen = choose_model(champion)
    ids, features = FeatureSpace(chosen.store, chosen.training.space).read(found["sample_id"].to_pylist())
    probabilities = chosen.head.probabilities(features)
    assert found["sample_id"].to_pylist() == ids and made.samples == len(ids) == 48
    assert np.array_equal(np.array(found["probabilities"].to_pylist(), np.float32), probabilities)
    assert found["predicted"].to_pylist() == [chosen.campaign.classes[row] for row in probabilities.argmax(axis=1)]
    assert set(found["model_commit"].to_pylist()) == {chosen.commit.digest}
    assert set(found["model_cycle"].to_pylist()) == {chosen.commit.cycle}
    assert not verify_campaign(open_store(champion)).findings


def test_a_part_that_is_there_is_kept_and_a_damaged_one_is_made_again(champion: str) -> None:
    started = start.run(champion)
    assert parts.run(champion, started.prediction, 0, 2).kept == 0
    with pytest.raises(CampaignError, match="parts of prediction .* are missing"):
        commit.run(champion, started.prediction)
    parts.run(champion, started.prediction, 1, 2)
    before = contents(champion, started.prediction)
    again = parts.run(champion, started.prediction)
    assert (again.classified, again.kept) == (0, 48)
    first = next(key for key in before if "/part-" in key)
    open_store(champion).write(first, before[first][:-1])
    assert parts.run(champion, started.prediction).classified == ROWS
    assert contents(champion, started.prediction) == before
    committed = commit.run(champion, started.prediction)
    assert commit.run(champion, started.prediction) == committed and committed.parts == -(-48 // ROWS)


def test_another_model_is_another_prediction(champion: str) -> None:
    assert start.run(champion, model="1").prediction != start.run(champion, model="2").prediction
    assert start.run(champion).prediction == start.run(champion).prediction
    for model, message in [("best", "There is no model 'best'"), ("7", "Cycle 7 has no model")]:
        with pytest.raises(ConfigurationError, match=message):
            start.run(champion, model=model)
    with pytest.raises(CampaignError, match="Run the stage prediction_start first"):
        parts.run(champion, "0" * 16)


def test_no_image_of_the_pool_is_read_but_for_missing_features(
    trained: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image that is needed is read; without any features the classes are the same."""
    root = trained("logistic")
    with monkeypatch.context() as context:
        context.setattr(classify_images, "read_image", lambda uri: pytest.fail(f"{uri} was read"))
        whole = predicted_in(root, 2)
    forget(root)
    space = Path(root) / "spaces" / choose_model(root).training.space
    for path in space.iterdir():
        if path.name != "space.json":
            path.unlink()
    assert predicted_in(root, 1) == whole


def test_images_are_embedded_on_the_fly(trained: Callable[..., str], pictures: Pictures, tmp_path: Path) -> None:
    root, images = trained("logistic"), tmp_path / "images"
    images.mkdir()
    for number, path in enumerate(sorted((pictures.images / "red").iterdir())):
        (images / f"{number:02d}.png").write_bytes(path.read_bytes() if number != 3 else b"no image")
    whole = predicted_in(root, 1, str(images))
    forget(root)
    assert predicted_in(root, 4, str(images)) == whole
    predict_in_parts(root, str(images), output=str(tmp_path / "out.csv"), top=2)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "image,predicted,confidence,predicted_2,confidence_2,reason" and len(lines) == 21
    assert lines[4].startswith("03.png,,,,,") and "03.png" not in lines[5]
    assert prediction_plan.read_prediction_plan(open_store(root), start.run(root, str(images)).prediction).samples == 20
