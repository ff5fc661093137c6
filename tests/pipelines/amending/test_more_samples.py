"""Samples that join a campaign: told, checked, asked for from the next cycle on; cycles before stay as they were."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.sample_tables import read_sample_tables
from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool
from labelcycle.components.core.errors import ConfigurationError, InputError, LabelcycleError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import QUARANTINE, read_table
from labelcycle.pipelines.amending.amend import Amended, WantedChanges, amend_campaign
from labelcycle.pipelines.amending.more_samples import with_more_images
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.components.select.test_rechecks import unlabelled
from tests.conftest import Bench, Pictures


def change(campaign: Bench, budget: int | None = None, **samples: Any) -> Amended:
    return amend_campaign(open_store(campaign.root), WantedChanges(budget, samples=WantedSamples(**samples)), "")


def splits(campaign: Bench) -> dict[str, str]:
    pool = load_pool(open_store(campaign.root), campaign.state.campaign)
    return dict(zip(pool["sample_id"].to_pylist(), pool["split"].to_pylist(), strict=True))


def set_aside(campaign: Bench) -> dict[str, str]:
    table = read_table(open_store(campaign.root), campaign.state.campaign.quarantine, QUARANTINE)
    return dict(zip(table["sample_id"].to_pylist(), table["reason"].to_pylist(), strict=True))


def write_image(path: Path, seed: int, channel: int = 0) -> None:
    pixels = np.random.default_rng(seed).integers(0, 90, (32, 32, 3), dtype=np.uint8)
    pixels[..., channel] += 120
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_rows(path: Path, ids: list[str], features: np.ndarray, **columns: Any) -> str:
    np.savez(path, ids=np.array(ids), features=features.astype(np.float32), **columns)
    return str(path)


@pytest.fixture
def imported(begin: Callable[..., Bench]) -> Bench:
    return begin(recipe="logistic", budget=16, batch=8)


@pytest.fixture
def pictured(begin_on_small_network: Callable[..., Bench]) -> Bench:
    return begin_on_small_network(recipe="logistic", budget=16, batch=8)


def test_embeddings_join(imported: Bench, tmp_path: Path) -> None:
    store = open_store(imported.root)
    imported.run_cycle()
    imported.run_cycle()
    before = imported.state
    far = np.full((3, 8), 50.0) + np.arange(3)[:, None]
    labels, marked = np.array(["red", "blue", "green"]), np.array(["pool", "pool", "test"])
    file = write_rows(tmp_path / "more.npz", ["a-first", "m-middle", "z-last"], far, labels=labels, splits=marked)
    done = change(imported, budget=20, embeddings=file)
    assert done.amendment.counts == {"new in the pool": 2, "new in the test set": 1}
    assert load_truth(store, imported.state.campaign)["z-last"] == "green"
    amend_campaign(store, WantedChanges(budget=100, batch=46), "")
    while imported.state.phase != "done":
        imported.run_cycle()
    state = imported.state
    asked = read_query(store, state.commits[2].objects["query"])["sample_id"].to_pylist()
    assert {"a-first", "m-middle"} <= set(asked) and "z-last" not in asked
    assert state.commits[:2] == before.commits
    assert state.summaries[-1].answers == 50, "every sample of the pool has its label"
    assert verify_campaign(store).faults == []
    assert replay_selection(store, 1).agreement == "identical"
    assert replay_selection(store, 2).agreement == "identical"


def test_each_new_sample_has_its_own_vector(imported: Bench, tmp_path: Path, embeddings: Path) -> None:
    """Also where rows before it join nothing, since they were withdrawn."""
    store = open_store(imported.root)
    gone = tmp_path / "gone.txt"
    gone.write_text("blue-10\n")
    change(imported, withdraw=str(gone))
    with np.load(embeddings) as content:
        known = content["features"][content["ids"].tolist().index("blue-10")]
    rows = np.stack([known, np.arange(8) / 8, np.arange(8) / 4])
    names = np.array(["blue", "red", "red"])
    change(imported, embeddings=write_rows(tmp_path / "more.npz", ["blue-10", "new-1", "new-2"], rows, labels=names))
    assert "blue-10" not in splits(imported)
    ids, features = FeatureSpace(store, imported.state.campaign.base_space).read(["new-1", "new-2"])
    found = dict(zip(ids, features.astype(np.float32).tolist(), strict=True))
    assert found == {"new-1": rows[1].tolist(), "new-2": rows[2].tolist()}


def test_new_samples_that_are_nearly_test_samples_are_set_aside_where_one_says_so(
    imported: Bench, tmp_path: Path, embeddings: Path
) -> None:
    with np.load(embeddings) as content:
        tested = content["features"][content["splits"].tolist().index("test")]
    labels = np.array(["red", "red"])
    rows = write_rows(tmp_path / "more.npz", ["near", "far"], np.stack([tested, -tested]), labels=labels)
    change(imported, embeddings=rows, drop_leaks=True)
    assert "far" in splits(imported) and "near" not in splits(imported)
    assert list(set_aside(imported)) == ["near"] and "test" in set_aside(imported)["near"]


def test_where_all_labels_are_known_new_samples_have_theirs(begin: Callable[..., Bench], tmp_path: Path) -> None:
    data, every = unlabelled(tmp_path), tmp_path / "every.csv"
    with np.load(data["embeddings"]) as content:
        names = content["ids"].tolist()
    every.write_text("sample_id,label\n" + "".join(f"{name},{name.partition('-')[0]}\n" for name in names))
    losses = {"selector.strategy": "vecaf_ods"}
    campaign = begin(**data, labels_from=str(every), recipe="logistic", overrides=losses, pool_labels=True)
    with pytest.raises(InputError, match="'new' is of a campaign whose labels are all known. Give it one."):
        change(campaign, embeddings=write_rows(tmp_path / "new.npz", ["new"], np.ones((1, 8))))


def test_images_that_the_labelling_tool_cannot_show_do_not_join(pictured: Bench, tmp_path: Path) -> None:
    write_image(tmp_path / "more" / "new.png", 7)
    store, campaign = open_store(pictured.root), pictured.state.campaign
    shown = campaign.model_copy(update={"labelling": Labelling(tool=LabelStudioTool(url="http://127.0.0.1:9"))})
    with pytest.raises(ConfigurationError, match="new.png is a file, which browsers cannot open"):
        with_more_images(store, shown, read_sample_tables(store, campaign), str(tmp_path / "more"))


def test_embeddings_that_cannot_join(imported: Bench, tmp_path: Path, embeddings: Path) -> None:
    store = open_store(imported.root)
    content = np.load(embeddings)
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"embeddings": str(embeddings)}, "nothing would change: 60 are in the campaign already and passed over"),
        ({"embeddings": write_rows(tmp_path / "w.npz", ["new"], np.ones((1, 5)))}, "vectors have 5 numbers, .* 8"),
        ({"embeddings": write_rows(tmp_path / "o.npz", ["blue-00"], np.ones((1, 8)))}, "other vectors.*'blue-00'"),
        ({"embeddings": write_rows(tmp_path / "l.npz", ["new"], np.ones((1, 8)))}, "'new' is of a campaign whose"),
        (
            {"embeddings": write_rows(tmp_path / "c.npz", ["new"], np.ones((1, 8)), labels=np.array(["pink"]))},
            "'pink' of 'new' is not one of the campaign's classes",
        ),
        ({"images": str(tmp_path)}, "has embeddings and no images"),
    ]
    for wanted, message in refusals:
        with pytest.raises(LabelcycleError, match=message):
            change(imported, **wanted)
    assert store.keys("amendments/") == []
    assert len(splits(imported)) == len(content["ids"])
    assert verify_campaign(store).faults == []


def test_embeddings_and_captions_do_not_join_images(pictured: Bench, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.npz", ["new"], np.ones((1, 8)))
    with pytest.raises(ConfigurationError, match="makes its features from images. Give new ones with --images"):
        change(pictured, embeddings=rows)
    store, campaign = open_store(pictured.root), pictured.state.campaign
    captioned = campaign.model_copy(update={"text_encoder": "any"})
    with pytest.raises(ConfigurationError, match="reads captions, which new images cannot bring along"):
        with_more_images(store, captioned, read_sample_tables(store, campaign), str(tmp_path))


def test_images_join_and_only_they_are_embedded(
    pictured: Bench, pictures: Pictures, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(pictured.root)
    pictured.run_cycle()
    more = tmp_path / "more"
    for number in range(3):
        write_image(more / "new" / f"{number}.png", 100 + number)
    shutil.copy(pictures.images / "blue" / "10.png", more / "renamed.png")
    shutil.copy(pictures.images / "blue" / "00.png", more / "of-the-test-set.png")
    (more / "broken.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="broken"):
        change(pictured, images=str(more))
    (more / "broken.png").unlink()
    done = change(pictured, images=str(more))
    assert done.amendment.counts == {"new in the pool": 3}
    told = capsys.readouterr().err
    assert "3 new samples; 1 is in the campaign already and passed over; 1 set aside" in " ".join(told.split())
    assert "the same image as the test sample 'blue/00.png'" in set_aside(pictured)["of-the-test-set.png"]
    pictured.ingest()
    embedded = pictured.run("embed base")
    assert (embedded.embedded, embedded.kept) == (3, 60)
    with pytest.raises(ConfigurationError, match="no sample that the campaign could take in.*: 5 are in the campaign"):
        change(pictured, images=str(more))
    write_image(more / "new" / "0.png", 999)
    write_image(more / "blue" / "10.png", 998)
    with pytest.raises(InputError, match=r"1 ids are those of other images.*'blue/10\.png'"):
        change(pictured, images=str(more))
    assert len(read_amended_campaign(store).amendments) == 1
    assert verify_campaign(store).faults == []
