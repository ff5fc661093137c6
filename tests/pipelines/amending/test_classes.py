"""Classes that are added, renamed and merged while a campaign goes on, and prices that change."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.history import History
from labelcycle.components.core.campaign.history_tables import read_requests
from labelcycle.components.core.campaign.pool import load_truth
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.vote_tables import labels_of
from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_object, read_record
from labelcycle.components.evaluate import earlier_models
from labelcycle.components.label_ingest import collected_labels
from labelcycle.components.labelling import consensus
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.project import find_or_create_project
from labelcycle.components.labelling.label_studio.tokens import token_from_environment
from labelcycle.components.tracking.promoting import judge_new_cycles
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.changes_in_words import changes_in_words
from labelcycle.pipelines.amending.labelling_tool import offer_classes
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.cost.account import account_of
from labelcycle.pipelines.dashboard.view import costs_so_far, marginal_gain
from labelcycle.pipelines.models.choice import choose_model
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.conftest import CLASSES, Bench
from tests.harness.label_studio_api import Api


@pytest.fixture
def campaign(begin: Callable[..., Bench]) -> Bench:
    """Cycles of eight labels whose annotator is the table of labels that came with the embeddings."""
    return begin(recipe="logistic", budget=40, batch=8)


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, Any]:
    """Settings of a campaign on the embeddings without their labels, six of which people give to test with."""
    generator = np.random.default_rng(2)
    ids = [f"{name}-{row:02d}" for name in CLASSES for row in range(20)]
    features = np.repeat(np.eye(3, 8), 20, axis=0) * 4 + generator.normal(size=(60, 8))
    np.savez(tmp_path / "plain.npz", ids=np.array(ids), features=features.astype(np.float32))
    return {"classes": CLASSES, "embeddings": str(tmp_path / "plain.npz"), "test_from_budget": 6}


@pytest.fixture
def by_people(begin: Callable[..., Bench], plain: dict[str, Any]) -> Bench:
    """A campaign whose labels people fill into the CSVs."""
    return begin(recipe="logistic", budget=60, batch=8, initial=12, **plain)


def change(campaign: Bench, **wanted: Any) -> Any:
    return amend_campaign(open_store(campaign.root), WantedChanges(**wanted), "")


def metrics(campaign: Bench, cycle: int) -> CycleMetrics:
    return read_record(open_store(campaign.root), campaign.state.commits[cycle].objects["metrics"], CycleMetrics)


def accuracy_of_sums(campaign: Bench, cycle: int, parts: list[list[int]]) -> float:
    """How often the head of a cycle is right where each class has the sum of the probabilities of some."""
    work = campaign.work
    ids = sorted(work.tested())
    found, features = FeatureSpace(work.store, work.campaign.base_space).read(ids)
    head = read_head(read_object(work.store, campaign.state.commits[cycle].objects["head"]))
    summed = np.stack([head.probabilities(features)[:, columns].sum(axis=1) for columns in parts])
    told = [work.campaign.classes[number] for number in summed.argmax(axis=0)]
    return float(np.mean([told[row] == work.tested()[name] for row, name in enumerate(found)]))


def answer(campaign: Bench, cycle: int, label: Callable[[str], str]) -> None:
    """Fill in the CSV of a cycle's query, as people do."""
    store = open_store(campaign.root)
    rows = list(csv.DictReader(io.StringIO(store.read(delivery_key(cycle)).decode())))
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows({**row, "label": label(row["sample_id"])} for row in rows)
    store.write(delivery_key(cycle), text.getvalue().encode())


def test_a_tool_that_does_not_answer_gets_the_classes_later(
    begin: Callable[..., Bench], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LABEL_STUDIO_TOKEN", "LABEL_STUDIO_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    begun = begin().state.campaign
    labelling = Labelling(tool=LabelStudioTool(url="http://labels.example.org"))
    before = begun.model_copy(update={"labelling": labelling})
    offer_classes(before, before.amended({"classes": [*begun.classes, "violet"]}))
    assert "offered the classes as they were amended with the next run: " in " ".join(capsys.readouterr().err.split())
    offer_classes(before, before)
    assert capsys.readouterr().err == ""


def test_a_class_that_is_renamed(campaign: Bench) -> None:
    campaign.run_cycle()
    campaign.run_cycle()
    done = change(campaign, renamed=["blue=navy=dark"])
    assert changes_in_words(done.before, done.after) == ["class renamed: blue → navy=dark"]
    ingested = campaign.ingest()
    assert "corrected" not in ingested.reason, "the same answers under another name are no corrections"
    for stage in ("embed base", "train_adapter", "embed tuned", "evaluate", "score", "select", "publish"):
        campaign.run(stage)
    assert campaign.work.campaign.classes == ["navy=dark", "green", "red"]
    assert set(campaign.work.labelled().values()) == set(campaign.work.campaign.classes)
    assert set(campaign.work.votes()["label"].to_pylist()) == set(campaign.work.campaign.classes)
    before, after = metrics(campaign, 1), metrics(campaign, 2)
    assert [one.name for one in before.classes] == CLASSES
    assert [one.name for one in after.classes] == ["navy=dark", "green", "red"] and after.accuracy == 1.0
    assert after.labels_corrected is None
    assert after.previous_query is not None and after.previous_query.known > after.previous_query.unknown
    store = open_store(campaign.root)
    assert verify_campaign(store).faults == []
    assert all(replay_selection(store, cycle).agreement == "identical" for cycle in range(3))
    assert choose_model(campaign.root, cycle=1).campaign.classes == CLASSES
    assert choose_model(campaign.root, cycle=2).campaign.classes == ["navy=dark", "green", "red"]


def test_classes_that_are_merged(campaign: Bench) -> None:
    campaign.run_cycle()
    campaign.run_cycle()
    before = metrics(campaign, 1).accuracy or 0.0
    done = change(campaign, merged=["blue, red=other"])
    assert changes_in_words(done.before, done.after) == ["classes merged: blue, red → other"]
    campaign.run_cycle()
    assert campaign.work.campaign.classes == ["other", "green"]
    figures = metrics(campaign, 2)
    assert np.array(figures.confusion).shape == (2, 2) and figures.test_samples == 12
    assert [one.support for one in figures.classes] == [8, 4]
    again = campaign.state.summaries[1]
    assert figures.remeasured == 1 and again.accuracy == accuracy_of_sums(campaign, 1, [[0, 2], [1]])
    assert again.accuracy >= before and metrics(campaign, 1).accuracy == before
    report = campaign.work.read("report.html").decode()
    assert "Classes were amended: blue, red are other." in report and "before this one was measured again" in report
    history = judge_new_cycles(open_store(campaign.root), campaign.state)
    assert history.champion is not None and history.champion.cycle == 2
    assert "by the classes as they are now" in history.promotions[-1].reason
    change(campaign, renamed=["other=blue"])
    assert campaign.state.campaign.former_classes == {"other": "blue", "red": "blue"}
    campaign.run_cycle()
    assert set(campaign.work.labelled().values()) == {"blue", "green"}
    assert verify_campaign(open_store(campaign.root)).faults == []


def test_a_class_that_is_added(by_people: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    by_people.run_cycle()
    answer(by_people, 0, lambda name: "violet" if name.startswith("blue-0") else name.split("-")[0])
    with pytest.raises(InputError, match=r"'violet' is not one.*new class, add it: labelcycle amend ROOT --classes"):
        by_people.ingest()
    change(by_people, classes=["+violet"], renamed=["green=lime"])
    assert by_people.run_cycle().labels
    assert "with 'green' count as 'lime', as the campaign was amended" in capsys.readouterr().err
    assert by_people.work.campaign.classes == ["blue", "lime", "red", "violet"]
    given = labels_of(by_people.work.consensus())
    assert "violet" in given.values() and "lime" in given.values() and "green" not in given.values()
    tested = by_people.work.tested()
    support = {one.name: one.support for one in metrics(by_people, 1).classes}
    assert support == {name: list(tested.values()).count(name) for name in by_people.work.campaign.classes}
    answer(by_people, 1, lambda name: "violet" if name.startswith("blue-0") else name.split("-")[0])
    change(by_people, merged=["lime,red=warm"])
    by_people.run_cycle()
    assert set(by_people.work.labelled().values()) <= {"blue", "warm", "violet"}
    history = judge_new_cycles(open_store(by_people.root), by_people.state)
    assert "on the same test samples by the classes as they are now" in history.promotions[-1].reason
    assert verify_campaign(open_store(by_people.root)).faults == []


def test_annotators_are_weighed_by_what_earlier_models_thought(
    begin: Callable[..., Bench], plain: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people differ on what is red or green; merged, their votes agree, and the model's opinion is the sum."""
    rows = [
        f"{name}-{row:02d},{label},{person}"
        for name in CLASSES
        for row in range(20)
        for person, label in (("ann", name), ("bob", {"red": "green"}.get(name, name)))
    ]
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(["sample_id,label,annotator", *rows, ""]))
    campaign = begin(recipe="logistic", budget=60, batch=8, quorum=2, consensus="crowdlab", **plain)
    campaign.run_cycle()
    campaign.run_cycle(str(labels))
    change(campaign, merged=["green,red=warm"])
    seen: list[Any] = []

    def consensus_of(votes: Any, method: Any, classes: Any, probabilities: Any, *others: Any) -> Any:
        seen.extend(probabilities.values())
        return consensus.consensus_of(votes, method, classes, probabilities, *others)

    monkeypatch.setattr(collected_labels, "consensus_of", consensus_of)
    campaign.run_cycle(str(labels))
    assert seen and {vector.shape for vector in seen} == {(2,)}
    np.testing.assert_allclose([vector.sum() for vector in seen], 1, atol=1e-6)
    found = campaign.work.consensus()
    assert set(found["label"].to_pylist()) == {"blue", "warm"} and min(found["agreement"].to_pylist()) == 1.0
    assert min(found["quality"].to_pylist()) > 0.5


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"renamed": ["red=rosy"]}, [[0], [1], [2]]),
        ({"merged": ["blue,red=any"], "classes": ["+new"]}, [[0, 2], [1], [0, 1, 2]]),
    ],
)
def test_training_goes_on_from_a_head_of_other_classes(
    begin: Callable[..., Bench], changes: Any, parts: list[list[int]]
) -> None:
    campaign = begin(overrides={"schedule.warm_start": True, "trainer.learning_rate": 1e-9})
    campaign.run_cycle()
    campaign.run_cycle()
    before = read_head(campaign.work.read("head.safetensors"))
    change(campaign, **changes)
    campaign.run_cycle()
    after = read_head(campaign.work.read("head.safetensors"))
    np.testing.assert_allclose(after.weight, [before.weight[rows].mean(axis=0) for rows in parts], atol=1e-6)
    np.testing.assert_allclose(after.bias, [before.bias[rows].mean() for rows in parts], atol=1e-6)


def test_prices_are_those_of_the_cycle(begin: Callable[..., Bench]) -> None:
    campaign = begin(recipe="logistic", budget=24, label_price=1.0, price_cpu_hour=3600.0)
    store = open_store(campaign.root)
    campaign.run_cycle()
    campaign.run_cycle()
    before = costs_so_far(store, campaign.state)
    done = change(campaign, prices={"label": 3.0, "cpu_hour": 0.0})
    assert changes_in_words(done.before, done.after) == [
        "price of an annotation: 1 → 3",
        "price of a CPU hour: 3600 → 0",
    ]
    campaign.run_cycle()
    after = costs_so_far(store, campaign.state)
    assert after[:2] == before, "what is over stays what it cost"
    assert after[2].label_cost == metrics(campaign, 2).label_cost == 8 * 1.0 + 8 * 3.0
    assert after[2].compute_cost == before[1].compute_cost > 0
    account = account_of(campaign.root)
    assert [row.cost.label_cost for row in account.rows] == [0, 8, 32]
    assert (account.prices.label, account.earlier) == (3.0, 2)
    gain = marginal_gain(campaign.state)
    assert gain is not None and gain.cost == 24


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"classes": ["violet"]}, r"--classes violet: a new class is written with a plus sign"),
        ({"classes": ["+"]}, r"--classes \+: a new class is written"),
        ({"classes": ["+red"]}, "'red' is a class already"),
        ({"classes": ["+ Red"]}, "'Red' and the class 'red' differ only in case"),
        ({"classes": ["+pink", "+pink"]}, "'pink' is a class already"),
        ({"renamed": ["blue=navy"], "classes": ["+blue"]}, "answers under 'blue' count as 'navy' since"),
        ({"renamed": ["blue=navy"], "classes": ["+BLUE"]}, "answers under 'blue' count as 'navy' since"),
        ({"renamed": ["blue=navy", "green=Blue"]}, "answers under 'blue' count as 'navy' since"),
        ({"renamed": ["blu=navy"]}, "'blu' is not a class. Did you mean 'blue'"),
        ({"renamed": ["BLUE=navy"]}, "'BLUE' is not a class. Did you mean 'blue'"),
        ({"renamed": ["xyz=navy"]}, "'xyz' is not a class. The classes are blue, green, red"),
        ({"renamed": ["blue"]}, "write it as --rename-class OLD=NEW"),
        ({"renamed": ["blue="]}, "write it as --rename-class OLD=NEW"),
        ({"renamed": ["blue,red=x"]}, "names 2 classes. To join them: --merge-classes"),
        ({"renamed": ["blue=red"]}, "'red' is a class already. To join them: --merge-classes blue,red=red"),
        ({"renamed": ["blue=RED"]}, "'RED' and the class 'red' differ only in case"),
        ({"renamed": ["blue=blue"]}, "the class is called so already"),
        ({"renamed": ["blue=navy", "blue=x"]}, "'blue' is not a class. It is 'navy' now"),
        ({"merged": ["blue=x"]}, "names one class"),
        ({"merged": ["blue,blue=x"]}, "names a class twice"),
        ({"merged": ["blue,purple=x"]}, "'purple' is not a class"),
        ({"merged": ["blue,green=red"]}, "'red' is a class already. To join them: --merge-classes blue,green,red=red"),
        ({"merged": ["blue,green,red=x"]}, "makes all classes one"),
        ({"prices": {"label": -1}}, "label"),
    ],
)
def test_what_cannot_be(campaign: Bench, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        change(campaign, **wanted)
    assert open_store(campaign.root).keys("amendments/") == []


def test_what_selects_its_data_cannot_have_another_class(begin: Callable[..., Bench]) -> None:
    with pytest.raises(ConfigurationError, match="cannot be amended"):
        change(begin(recipe="vecaf_linear", overrides={"data_selection.augmentation": "none"}), classes=["+new"])


def test_at_the_end_it_needs_a_budget(campaign: Bench) -> None:
    while campaign.state.phase != "done":
        campaign.run_cycle()
    assert change(campaign, renamed=["blue=navy"]).at_end and campaign.state.phase == "done"
    assert not change(campaign, budget=48).at_end
    campaign.run_cycle()
    assert metrics(campaign, len(campaign.state.commits) - 1).classes[0].name == "navy"


def test_people_are_offered_the_classes_at_once(
    campaign: Bench, studio: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = campaign.state.campaign
    tool = {"url": studio.url, "image_server": "http://images.example.org"}
    labelling = begun.labelling.model_dump(mode="json")
    before = begun.amended({"labels_from": None, "labelling": {**labelling, "tool": tool}})
    after = before.amended({"classes": [*CLASSES, "violet"]})
    find_or_create_project(LabelStudio(studio.url, token_from_environment()), before)
    offer_classes(before, after)
    assert "violet" in next(iter(studio.projects.values()))["label_config"]
    studio.fail("GET", "/api/projects", 403)
    offer_classes(before, after)
    assert "with the next run" in capsys.readouterr().err


def test_the_command(campaign: Bench, labelcycle: Any) -> None:
    done = labelcycle(
        "amend", campaign.root, "--classes", "+violet", "--rename-class", "blue=navy", "--merge-classes",
        "green,red=warm", "--label-price", "2", "--annotators-per-label", "3", "--price-gpu-hour", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:-1] == [
        "class renamed: blue → navy",
        "classes merged: green, red → warm",
        "class added: violet",
        "price of an annotation: 1 → 2",
        "annotations paid for a label: 1 → 3",
        "price of a GPU hour: 0 → 1",
    ]
    assert campaign.state.campaign.classes == ["navy", "warm", "violet"]


def test_a_larger_test_set_of_present_and_former_classes(
    campaign: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign.run_cycle()
    campaign.run_cycle()
    store = open_store(campaign.root)
    asked = set(read_requests(store, History(), campaign.state.commits)["sample_id"].to_pylist())
    free = [name for name in ids_of_split(store, campaign.state.campaign, "pool") if name not in asked]
    file = tmp_path / "test.csv"
    rows = [f"{name},{'violet' if name.startswith('red') else name.split('-')[0]}" for name in free[::4]]
    file.write_text("\n".join(["sample_id,label", *rows, ""]))
    change(campaign, renamed=["green=lime"], classes=["+violet"], samples=WantedSamples(test=str(file)))
    assert "count as 'lime'" in capsys.readouterr().err or not any("green" in row for row in rows)
    campaign.run_cycle()
    figures = metrics(campaign, 2)
    assert {one.name: one.support for one in figures.classes}["violet"] > 0 and figures.remeasured == 1
    summary = campaign.state.summaries[1]
    assert summary.accuracy is not None and summary.accuracy < 1.0, "no earlier model knows the class that was added"
    assert verify_campaign(store).faults == []


def test_where_features_are_gone_the_confusion_tells(campaign: Bench) -> None:
    campaign.run_cycle()
    campaign.run_cycle()
    change(campaign, merged=["blue,red=other"])
    campaign.run_until("train_adapter")
    work, state = campaign.work, campaign.state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(earlier_models, "_features", lambda *_: None)
        found, just_now = earlier_models.remeasure(work, state, work.tested())
    assert just_now and found is not None
    confusion = metrics(campaign, 1).confusion
    right = sum(confusion[row][column] for row in (0, 2) for column in (0, 2)) + confusion[1][1]
    assert [(one.accuracy, one.ece, one.test_samples) for one in found.models] == [(right / 12, None, 12)]


def test_a_test_set_that_the_budget_pays_for(by_people: Bench) -> None:
    def label(name: str) -> str:
        return name.split("-")[0]

    by_people.run_cycle()
    for cycle in range(2):
        answer(by_people, cycle, label)
        by_people.run_cycle()
    change(by_people, merged=["green,red=warm"])
    answer(by_people, 2, label)
    by_people.run_cycle()
    assert metrics(by_people, 3).remeasured == 2
    summaries = by_people.state.measured
    assert [one.accuracy for one in summaries[:2]] == [
        accuracy_of_sums(by_people, cycle, [[0], [1, 2]]) for cycle in (1, 2)
    ]
    assert [one.test_samples for one in summaries] == [6, 6, 6]
    history = judge_new_cycles(open_store(by_people.root), by_people.state)
    assert "on the same test samples by the classes as they are now" in history.promotions[-1].reason


def test_images_whose_labels_have_former_names(campaign: Bench, tmp_path: Path) -> None:
    campaign.run_cycle()
    change(campaign, merged=["green,red=warm"])
    np.savez(
        tmp_path / "more.npz",
        ids=np.array(["new-1", "new-2"]),
        features=np.ones((2, 8), np.float32),
        labels=np.array(["red", "warm"]),
        splits=np.array(["test", "pool"]),
    )
    change(campaign, samples=WantedSamples(embeddings=str(tmp_path / "more.npz")))
    assert load_truth(open_store(campaign.root), campaign.state.campaign)["new-1"] == "warm"
    campaign.run_cycle()
    assert metrics(campaign, 1).test_samples == 13


@pytest.mark.parametrize("recipe", ["logistic", "linear_probe"])
def test_all_labels_so_far_may_be_of_one_class(begin: Callable[..., Bench], plain: dict[str, Any], recipe: str) -> None:
    campaign = begin(recipe=recipe, budget=60, batch=8, **plain)
    campaign.run_cycle()
    answer(campaign, 0, lambda name: "red" if name.endswith(("0", "2", "4", "6", "8")) else "green")
    change(campaign, merged=["green,red=warm"])
    campaign.run_cycle()
    assert set(campaign.work.labelled().values()) == {"warm"} and (metrics(campaign, 1).accuracy or 0) > 0.5
