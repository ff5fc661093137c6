"""Labelled history out of embeddings and out of campaigns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest.labelled_history import (
    history_from_campaign,
    history_from_embeddings,
    read_history,
    write_history,
)
from labelcycle.pipelines.initialise.held_out import hold_out


def test_embeddings_with_their_own_splits(write_npz: Callable[..., str]) -> None:
    found = history_from_embeddings(write_npz())
    assert found.classes == ["cat", "dog"]
    assert [part.ids.tolist() for part in (found.pool, found.val, found.test)] == [
        ["sample-3", "sample-4", "sample-5"],
        ["sample-2"],
        ["sample-0", "sample-1"],
    ]
    assert found.pool.classes.tolist() == [1, 0, 1]
    assert found.pool.features.dtype == np.float16 and found.pool.features[0].tolist() == [12, 13, 14, 15]


def test_without_splits_the_same_is_held_out_as_init_does(
    write_npz: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = history_from_embeddings(write_npz(splits=None), test_share=0.3, split_seed=3)
    labels = {f"sample-{number}": ("cat", "dog")[number % 2] for number in range(6)}
    assert found.test.ids.tolist() == sorted(hold_out(labels, 0.3, 3))
    assert sorted([*found.test.ids, *found.pool.ids]) == sorted(labels)
    assert "held out" in capsys.readouterr().err


def test_samples_without_a_label_are_left_out(
    write_npz: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = history_from_embeddings(write_npz(labels=np.array(["cat", "dog", "cat", "dog", "cat", ""])))
    assert found.pool.ids.tolist() == ["sample-3", "sample-4"]
    assert "1 samples without a label are left out" in capsys.readouterr().err


def test_a_label_file_beside_embeddings(write_npz: Callable[..., str], tmp_path: Path) -> None:
    rows = "".join(f"sample-{number},{'cow' if number % 2 else 'cat'}\n" for number in range(6))
    (tmp_path / "labels.csv").write_text("sample_id,label\n" + rows)
    found = history_from_embeddings(write_npz(labels=None), str(tmp_path / "labels.csv"))
    assert found.classes == ["cat", "cow"] and found.pool.classes.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": None}, "has no labels. A backtest replays history whose labels are known"),
        ({"labels": np.array(["", "dog"] * 3)}, "test or val sample 'sample-0' has no label. Give it one"),
        ({"labels": np.array(["cat"] * 6)}, "a classifier needs two classes or more"),
        (
            {"labels": np.array(["cat", "dog", "cat", "dog", "cow", "dog"])},
            "the test split has no sample of class 'cow', so its accuracy says nothing about that class. Add some, or "
            "leave the splits out",
        ),
        (
            {"labels": np.array(["cat", "dog", "cat", "dog", "cow", "dog"]), "splits": None},
            "no sample of class 'cow', so its accuracy says nothing about that class. Give the class at least two "
            "labelled samples, or leave its samples out.",
        ),
        ({"splits": np.array(["test"] * 6)}, "no labelled sample is in the pool split"),
    ],
)
def test_embeddings_that_cannot_be_replayed(
    write_npz: Callable[..., str], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        history_from_embeddings(write_npz(**changes))
    assert message in str(refusal.value)


def test_a_class_that_only_the_test_set_has_is_told(
    write_npz: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    history_from_embeddings(
        write_npz(
            labels=np.array(["cow", "dog", "dog", "cat", "dog", "cat"]),
            splits=np.array(["test", "test", "test", "pool", "pool", "test"]),
        )
    )
    assert "The pool has no sample of class 'cow'" in capsys.readouterr().err


def test_the_labels_of_a_campaign(begin: Callable[..., Any]) -> None:
    campaign = begin()
    for _ in range(2):
        campaign.run_cycle()
    found = history_from_campaign(campaign.root)
    labelled = campaign.work.labelled()
    assert found.pool.ids.tolist() == sorted(labelled)
    assert [found.classes[number] for number in found.pool.classes] == [labelled[name] for name in found.pool.ids]
    assert len(found.test) == 12 and not set(found.test.ids) & set(found.pool.ids)
    assert found.pool.features.shape == (8, 8)


def test_a_label_file_adds_to_the_labels_of_a_campaign(begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin()
    with pytest.raises(InputError, match="has collected no labels yet"):
        history_from_campaign(campaign.root)
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,label\nblue-10,blue\nred-50,red\ngreen-30,green\n")
    found = history_from_campaign(campaign.root, str(path))
    assert found.pool.ids.tolist() == ["blue-10", "green-30", "red-50"]


def test_a_campaign_whose_test_set_lacks_a_class_is_told(
    begin: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = "".join(f"{name}\n" for name in ("blue-00,blue", "green-20,green"))
    (tmp_path / "test.csv").write_text("sample_id,label\n" + ids)
    source = tmp_path / "no-splits.npz"
    generator = np.random.default_rng(0)
    labels = np.repeat(["blue", "green", "red"], 20)
    names = np.array([f"{name}-{row:02d}" for row, name in enumerate(labels)])
    np.savez(source, ids=names, features=generator.normal(size=(60, 4)).astype(np.float32), labels=labels)
    campaign = begin(embeddings=str(source), test=str(tmp_path / "test.csv"), batch=20, budget=40)
    for _ in range(2):
        campaign.run_cycle()
    history_from_campaign(campaign.root)
    assert "test set has no sample of class 'red'" in capsys.readouterr().err


def test_no_campaign(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="No campaign at"):
        history_from_campaign(str(tmp_path))


def test_a_campaign_without_features_of_its_backbone(begin_on_images: Callable[..., Any], pictures: Any) -> None:
    campaign = begin_on_images(recipe="peal_entropy", overrides={})
    with pytest.raises(ConfigurationError, match="keeps no features of its backbone"):
        history_from_campaign(campaign.root, str(pictures.labels))


def test_history_travels_through_a_store(store_root: str, history: Any) -> None:
    store = open_store(store_root)
    reference = write_history(store, history)
    assert write_history(store, history) == reference
    back = read_history(store, reference, history.source, history.classes)
    for split in ("pool", "val", "test"):
        there, here = getattr(back, split), getattr(history, split)
        assert there.ids.tolist() == here.ids.tolist()
        assert there.features.dtype == np.float16 and np.array_equal(there.features, here.features)
        assert there.classes.dtype == np.int64 and np.array_equal(there.classes, here.classes)
