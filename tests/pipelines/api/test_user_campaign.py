"""Campaigns from Python: what the commands do, returned; bad input changes nothing."""

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelcycle import Campaign, CampaignSettings
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_object
from labelcycle.pipelines.dashboard.view import read_status, read_view, status_facts
from labelcycle.pipelines.models.choice import choose_model
from labelcycle.pipelines.models.predict import predict_images
from tests.conftest import CLASSES, Bench, Pictures

Begin = Callable[..., Bench]


def unlabelled(embeddings: Path, folder: Path) -> tuple[Path, Path]:
    """The embeddings without labels, and a label file of their test samples."""
    with np.load(embeddings) as content:
        np.savez(folder / "unlabelled.npz", ids=content["ids"], features=content["features"])
        tested = content["splits"] == "test"
        rows = zip(content["ids"][tested], content["labels"][tested], strict=True)
    (folder / "test.csv").write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in rows))
    return folder / "unlabelled.npz", folder / "test.csv"


@pytest.fixture
def asked(begin: Begin, embeddings: Path, tmp_path: Path) -> tuple[Bench, Campaign]:
    """A campaign whose first query of four awaits people's answers."""
    file, test = unlabelled(embeddings, tmp_path)
    bench = begin(embeddings=str(file), test=str(test), recipe="logistic", batch=4, budget=8)
    bench.run_cycle()
    return bench, Campaign.open(bench.root)


def answers(frame: pd.DataFrame) -> list[str]:
    return [name.rpartition("-")[0] for name in frame["sample_id"]]


def test_settings_are_those_of_init(embeddings: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"embeddings": embeddings, "budget": 9, "classes": tuple(CLASSES)}
    made = Campaign.create(tmp_path / "a", CampaignSettings(seed=5, budget=2), set={"trainer.strength": 0.3}, **given)
    campaign = made.status().state.campaign
    assert (campaign.seed, campaign.budget, campaign.recipe.trainer.model_dump()["strength"]) == (5, 9, 0.3)
    again = Campaign.create(tmp_path / "a", seed=5, set={"trainer.strength": 0.3}, **given)
    assert (again.name, again.classes) == (made.name, CLASSES)
    assert Campaign.open(str(tmp_path / "a")).root == str(tmp_path / "a")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"budgets": 9}, "budgets: unknown setting. Did you mean 'budget'?"),
        ({"budget": "9"}, "budget: must be"),
        ({"recipe": "nothing"}, "There is no recipe 'nothing'"),
        ({"images": "pictures"}, "A campaign starts from either --images or --embeddings"),
    ],
)
def test_wrong_settings_are_told(embeddings: Path, tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        Campaign.create(tmp_path / "a", embeddings=embeddings, **given)
    assert not (tmp_path / "a" / "campaign.json").exists()


def test_there_is_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="No campaign at"):
        Campaign.open(tmp_path)


def test_what_a_run_cannot_be_asked_for_is_refused(begin: Begin) -> None:
    campaign = Campaign.open(begin().root)
    with pytest.raises(ConfigurationError, match="a share from 0 to 1; got 95. Write 95 % as 0.95"):
        campaign.run(until_accuracy=95)
    with pytest.raises(ConfigurationError, match="no engine 'kubeflow'. Choose 'local' or 'kfp'"):
        campaign.run(engine="kubeflow")  # type: ignore[arg-type]
    assert campaign.metrics().empty


def test_people_answer_a_query_as_a_table(asked: tuple[Bench, Campaign]) -> None:
    bench, campaign = asked
    query = campaign.query()
    assert query["rank"].tolist() == [1, 2, 3, 4] and query["cycle"].tolist() == [0] * 4
    assert query["predicted"].isna().all() and query["label"].isna().all()
    query["label"] = answers(query)
    query.loc[3, ["label", "status"]] = [None, "skip"]
    query.loc[2, "label"] = float("nan")
    assert campaign.add_labels(query) == 3
    assert campaign.query()["status"].tolist()[:2] == ["ok", "ok"] and campaign.query()["status"][3] == "skip"
    assert bench.ingest().decision == "wait"
    assert campaign.add_labels(dict(zip(query["sample_id"], answers(query), strict=True))) == 4
    assert campaign.query()["label"].tolist() == answers(query)
    bench.run_cycle()
    assert campaign.metrics()["labels"].tolist() == [4]
    assert campaign.query()["predicted"].notna().all() and campaign.query()["confidence"].gt(0).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nobody": "red"}, "There is no sample 'nobody'. Nothing was taken in"),
        ({"{unasked}": "red"}, "is not asked about. Nothing was taken in"),
        (
            {"{second}": "rde"},
            "'rde' is no class. Did you mean 'red'? Nothing was taken in; the classes are blue, green",
        ),
        ({"{second}": None}, None),
    ],
)
def test_wrong_labels_change_nothing(
    asked: tuple[Bench, Campaign], embeddings: Path, changes: dict[str, Any], said: str | None
) -> None:
    bench, campaign = asked
    first, second, *_ = names = campaign.query()["sample_id"].tolist()
    with np.load(embeddings) as content:
        pool = content["ids"][content["splits"] == "pool"].tolist()
    unasked = next(name for name in pool if name not in names)
    told = {first: "red"} | {name.format(unasked=unasked, second=second): label for name, label in changes.items()}
    before = bench.files()
    if said is None:
        assert campaign.add_labels(told) == 1
        return
    with pytest.raises(InputError, match=re.escape(said)):
        campaign.add_labels(told)
    assert bench.files() == before


def test_tables_that_are_no_answers_are_refused(asked: tuple[Bench, Campaign]) -> None:
    _, campaign = asked
    query = campaign.query()
    with pytest.raises(InputError, match="The labels lack the column 'label' or 'status'"):
        campaign.add_labels(query[["sample_id"]])
    with pytest.raises(InputError, match="There is no label among these"):
        campaign.add_labels(query)
    twice = pd.concat([query, query]).assign(label="red")
    with pytest.raises(InputError, match="is answered twice"):
        campaign.add_labels(twice)
    with pytest.raises(InputError, match="'maybe' is no status"):
        campaign.add_labels(query.assign(status="maybe"))


def test_a_label_file_that_answers_is_said(begin: Begin) -> None:
    bench = begin()
    with pytest.raises(ConfigurationError, match="came with its samples, so that nobody is asked"):
        bench.run_cycle()
        Campaign.open(bench.root).add_labels({"blue-05": "blue"})
    assert len(Campaign.open(bench.root).query()) == 8


def test_metrics_are_those_of_status(begin: Begin) -> None:
    bench = begin(recipe="logistic")
    for _ in range(3):
        bench.run_cycle()
    store = open_store(bench.root)
    facts: Any = status_facts(read_view(store, read_status(store, bench.root)))
    found = Campaign.open(bench.root).metrics()
    for name in ("cycle", "labels", "accuracy", "macro_f1", "query_size"):
        assert found[name].tolist() == [cycle[name] for cycle in facts["cycles"]]
    assert found["overall_cost"].tolist() == [cost["overall_cost"] for cost in facts["costs"][1:]]
    assert found["estimate"].isna().all() and len(found) == 2


def test_an_amendment_is_what_the_command_writes(begin: Begin) -> None:
    campaign = Campaign.open(begin().root)
    done = campaign.amend(
        budget=30, set={"selector.strategy": "margin"}, classes=["+pink"], label_price=2, reason="more"
    )
    assert done.amendment.reason == "more" and done.cycle == 0
    after = campaign.status().state.campaign
    assert (after.budget, after.recipe.selector.strategy, after.prices.label) == (30, "margin", 2)
    assert campaign.classes == [*CLASSES, "pink"]
    with pytest.raises(ConfigurationError, match="Nothing would change"):
        campaign.amend()


def test_features_are_classified(begin: Begin, embeddings: Path) -> None:
    bench = begin(recipe="logistic")
    for _ in range(2):
        bench.run_cycle()
    campaign = Campaign.open(bench.root)
    with np.load(embeddings) as content:
        ids, features = content["ids"], content["features"]
    found = campaign.predict(features, cycle=1, probabilities=True, top=2)
    head = choose_model(bench.root, 1).head
    shares = found[[f"probability_{name}" for name in CLASSES]].to_numpy()
    assert np.array_equal(shares, head.probabilities(features.astype(np.float16)))
    assert found["predicted"].tolist() == [CLASSES[number] for number in shares.argmax(axis=1)]
    assert found["reason"].isna().all() and "predicted_2" in found
    by_file = campaign.predict(embeddings, cycle=1).set_index("image")
    assert by_file.loc[ids, "predicted"].tolist() == found["predicted"].tolist()
    with pytest.raises(InputError, match="The features have 3 numbers a sample, and the model takes 8"):
        campaign.predict(features[:, :3], cycle=1)
    with pytest.raises(ConfigurationError, match="Cycle 7 has no model"):
        campaign.predict(features, cycle=7)


def test_images_are_classified_and_unreadable_ones_say_why(
    begin_on_small_network: Begin, pictures: Pictures, tmp_path: Path
) -> None:
    bench = begin_on_small_network(recipe="logistic", batch=8, budget=8)
    for _ in range(2):
        bench.run_cycle()
    campaign = Campaign.open(bench.root)
    shutil.copytree(pictures.images / "red", tmp_path / "new")
    (tmp_path / "new" / "00.png").write_bytes(b"no image")
    predict_images(choose_model(bench.root, 1), str(tmp_path / "new"), str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(newline="") as file:
        expected = [(row["image"], row["predicted"] or None, row["reason"] or None) for row in csv.DictReader(file)]
    found = campaign.predict(tmp_path / "new", cycle=1)
    rows = found[["image", "predicted", "reason"]].astype(object).where(lambda cell: cell.notna(), None)
    assert [tuple(row) for row in rows.to_numpy().tolist()] == expected
    assert found["predicted"].isna().tolist() == [True] + [False] * 19
    good, bad = tmp_path / "new" / "01.png", tmp_path / "missing.png"
    listed = campaign.predict([good, bad, str(good)], cycle=1)
    assert listed["image"].tolist() == [str(good), str(bad), str(good)]
    assert listed["predicted"][0] == listed["predicted"][2] and listed["confidence"].isna().tolist() == [0, 1, 0]
    assert listed["reason"].isna().tolist() == [True, False, True] and listed["reason"][1]
    assert campaign.predict([], cycle=1).empty
    with pytest.raises(InputError, match="Images are paths or s3:// URIs; got bytes"):
        campaign.predict([b"bytes"], cycle=1)
    for wrong, kind in ((b"bytes", "bytes"), (7, "int")):
        with pytest.raises(InputError, match=f"got {kind}. Save it as a file first, or give bytes or pixels"):
            campaign.predict(wrong, cycle=1)


def test_a_report_is_shown_in_a_frame_of_its_own(begin: Begin) -> None:
    bench = begin(recipe="logistic")
    campaign = Campaign.open(bench.root)
    with pytest.raises(CampaignError, match="has no report yet"):
        campaign.report()
    for _ in range(2):
        bench.run_cycle()
    report = campaign.report()
    expected = read_object(open_store(bench.root), bench.state.commits[1].objects["report"]).decode()
    assert report.page == expected and Path(report.address).read_text() == expected
    shown = report._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!') and 'sandbox=""' in shown and shown.count("<") == 2


def test_a_notebook_shows_it_with_every_text_escaped(embeddings: Path, tmp_path: Path) -> None:
    with np.load(embeddings) as content:
        labels = ["<i>red</i>" if name == "red" else name for name in content["labels"]]
        np.savez(tmp_path / "marked.npz", **{**content, "labels": labels})
    campaign = Campaign.create(tmp_path / "a", embeddings=tmp_path / "marked.npz", budget=8, batch=4)
    shown = campaign._repr_html_()
    assert "&lt;i&gt;red&lt;/i&gt;" in shown and "<i>" not in shown and "0 of 8" in shown
    assert repr(campaign) == f"<Campaign {tmp_path / 'a'}>"
