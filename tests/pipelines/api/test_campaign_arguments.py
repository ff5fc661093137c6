"""Arguments of a campaign from Python that cannot be used: one sentence, with the remedy, and nothing is changed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelcycle import Campaign, CampaignSettings
from labelcycle.components.core.errors import ConfigurationError, InputError
from tests.conftest import CLASSES, Bench

Begin = Callable[..., Bench]

TABLE = pd.DataFrame({"sample_id": ["a"], "label": ["red"]})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"root": None}, "root is a path or an s3:// address; got None. Give one."),
        ({"root": ""}, "root is empty, which names no place. Give a path, such as '.' for this folder."),
        ({"images": ""}, "images is empty, which names no place"),
        ({"embeddings": ""}, "embeddings is empty, which names no place"),
        (
            {"embeddings": np.zeros((3, 4))},
            "embeddings is a path or an s3:// address; got a value of type ndarray. Save",
        ),
        ({"test": ""}, "test is empty, which names no place"),
        ({"known_labels": [""]}, "known_labels is empty, which names no place"),
        ({"known_labels": [TABLE]}, "known_labels is a path or an s3:// address; got a value of type DataFrame. Save"),
        ({"test": TABLE}, "got a value of type DataFrame. Save it as a file and give its path."),
        ({"settings": 1}, "settings is a labelcycle.CampaignSettings; got 1. Give one, or the settings by name"),
        ({"set": "a=1"}, "set holds settings by name; got 'a=1'. Give such as set={"),
    ],
)
def test_what_a_campaign_cannot_begin_with_is_told(
    embeddings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {*tmp_path.iterdir()}
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        Campaign.create(**{"root": tmp_path / "a", "embeddings": embeddings, **given})
    assert {*tmp_path.iterdir()} == before


def test_numbers_of_numpy_are_numbers(embeddings: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "budget": np.int64(10),
        "batch": np.int32(5),
        "classes": np.array(CLASSES),
        "set": {"trainer.strength": np.float32(0.5)},
    }
    made = Campaign.create(tmp_path / "a", CampaignSettings(seed=3), embeddings=embeddings, **given)
    campaign = made.status().state.campaign
    assert (campaign.budget, campaign.batch, campaign.seed) == (10, 5, 3)
    assert campaign.classes == CLASSES
    made.amend(budget=np.int64(20))  # type: ignore[arg-type]
    assert made.status().state.campaign.budget == 20


@pytest.mark.parametrize("root", [None, "", " ", 3])
def test_a_campaign_is_opened_by_its_place(begin: Begin, monkeypatch: pytest.MonkeyPatch, root: Any) -> None:
    monkeypatch.chdir(begin().root)
    with pytest.raises(ConfigurationError, match="root is "):
        Campaign.open(root)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda one: one.run(cycles="x"), "cycles is a whole number, 1 or more; got 'x'"),
        (lambda one: one.run(cycles=-1), "cycles is a whole number, 1 or more; got -1"),
        (lambda one: one.run(until_accuracy="x"), "until_accuracy is a number, 0 or more; got 'x'"),
        (lambda one: one.run(labels_from=TABLE), "labels_from is a path or an s3:// address; got a value of type Data"),
        (lambda one: one.amend(budget="x"), "budget is a whole number, 1 or more; got 'x'"),
        (lambda one: one.amend(batch=2.5), "batch is a whole number, 1 or more; got 2.5"),
        (
            lambda one: one.amend(withdraw=["id"]),
            "withdraw is a path or an s3:// address; got ['id']. Save it as a file",
        ),
        (lambda one: one.amend(images=""), "images is empty, which names no place"),
        (lambda one: one.amend(set="a=1"), "set holds settings by name; got 'a=1'"),
        (lambda one: one.amend(recipe=3), "the path of a YAML file; got 3"),
        (lambda one: one.amend(label_price="x"), "label_price is a number, 0 or more; got 'x'"),
        (lambda one: one.amend(classes="+pink"), "classes is a list of values; got '+pink'. Give it in a list"),
        (lambda one: one.amend(classes=[3]), "classes is a list of texts; got 3 in it. Give such as ['+rabbit']."),
        (lambda one: one.amend(rename_class=[("a", "b")]), "rename_class is a list of texts; got ('a', 'b') in it"),
        (lambda one: one.amend(budget=30, reason=3), "reason is text; got 3. Give such as"),
        (lambda one: one.run(on_cycle=3), "on_cycle is a function of one run; got 3"),
        (lambda one: one.predict("x", cycle="x"), "cycle is a whole number, 0 or more; got 'x'"),
    ],
)
def test_what_a_campaign_cannot_do_is_told(begin: Begin, call: Callable[[Campaign], object], said: str) -> None:
    bench = begin()
    before = bench.files()
    with pytest.raises((ConfigurationError, InputError), match=re.escape(said)):
        call(Campaign.open(bench.root))
    assert bench.files() == before


def test_watching_nothing_any_more_is_an_empty_address(begin: Begin) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Campaign.open(begin().root).amend(watch_images="")
    assert "names no place" not in str(refused.value)


def test_images_are_no_table_and_no_empty_address(
    begin_on_small_network: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = begin_on_small_network(recipe="logistic", batch=8, budget=8)
    for _ in range(2):
        bench.run_cycle()
    monkeypatch.chdir(tmp_path)
    campaign = Campaign.open(bench.root)
    with pytest.raises(InputError, match=re.escape('Give the column that holds them: table["image"].')):
        campaign.predict(pd.DataFrame({"image": ["a.png"]}), cycle=1)
    for empty in ("", [""]):
        with pytest.raises(InputError, match="images holds an empty path, which names no image"):
            campaign.predict(empty, cycle=1)
    with pytest.raises(ConfigurationError, match="top is a whole number, 1 or more; got 'x'"):
        campaign.predict([], cycle=1, top="x")  # type: ignore[arg-type]


def test_rows_without_a_label_need_no_column_of_labels(begin: Begin, embeddings: Path, tmp_path: Path) -> None:
    with np.load(embeddings) as content:
        np.savez(tmp_path / "bare.npz", ids=content["ids"], features=content["features"])
    given: dict[str, Any] = {"embeddings": str(tmp_path / "bare.npz"), "classes": ["blue", "green", "red"]}
    bench = begin(**given, recipe="logistic", batch=4, budget=8)
    bench.run_cycle()
    campaign = Campaign.open(bench.root)
    query = campaign.query()
    assert campaign.add_labels(query[["sample_id"]].assign(status=["skip", "unsure", None, pd.NA])) == 2
    assert campaign.query()["status"].tolist()[:2] == ["skip", "unsure"]
    assert campaign.add_labels(pd.Series({query["sample_id"][3]: "blue"})) == 1
    with pytest.raises(InputError, match="lack the column 'label' or 'status'"):
        campaign.add_labels(query[["sample_id"]])
    with pytest.raises(InputError, match="Did you mean 'blue'. They differ only in case. Nothing was taken in"):
        campaign.add_labels({query["sample_id"][2]: "Blue"})
