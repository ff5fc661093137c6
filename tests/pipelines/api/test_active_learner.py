"""The loop in memory: the queries and models of a campaign, and bad input that changes nothing."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle import ActiveLearner
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_object

CLASSES = ["blue", "green", "red"]
QUICK = {"trainer.epochs": 5, "trainer.learning_rate": 0.02}


@pytest.fixture
def pool(embeddings: Path) -> dict[str, Any]:
    """Ids, features and labels of the pool of the embeddings."""
    with np.load(embeddings) as content:
        in_pool = content["splits"] == "pool"
        return {name: content[name][in_pool] for name in ("ids", "features", "labels")}


@pytest.fixture
def learner(pool: dict[str, Any]) -> ActiveLearner:
    return ActiveLearner(features=pool["features"], ids=pool["ids"], classes=CLASSES, seed=3)


def label(learner: ActiveLearner, pool: dict[str, Any], ids: list[str]) -> None:
    truth = dict(zip(pool["ids"].tolist(), pool["labels"].tolist(), strict=True))
    learner.tell(ids, [truth[name] for name in ids])


@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        ("uherding", {}),
        ("uherding", {"selector.explore": 0.25, "selector.near_duplicates": 0.99, "selector.rare_classes": 0.5}),
        ("uherding", {"selector.strategy": "badge", "selector.exclude": ["blue-07", "red-51"]}),
        ("dropquery", QUICK),
        ("linear_probe", {**QUICK, "scorer.name": "dropout", "selector.strategy": "bald"}),
        ("svpp", {**QUICK, "schedule.learning_rate_drops": [2]}),
    ],
    ids=["uherding", "constraints", "lists", "dropquery", "bald", "proxy"],
)
def test_queries_and_models_are_those_of_a_campaign(
    begin: Callable[..., Any], pool: dict[str, Any], recipe: str, overrides: dict[str, object]
) -> None:
    campaign = begin(recipe=recipe, overrides=overrides, seed=3, batch=8, budget=16)
    learner = ActiveLearner(pool["features"], pool["ids"], CLASSES, recipe=recipe, seed=3, set=overrides)
    for cycle in range(2):
        campaign.run_cycle()
        commit = campaign.state.commits[cycle]
        query = read_query(open_store(campaign.root), commit.objects["query"])["sample_id"].to_pylist()
        asked = learner.ask(8)
        assert asked == query
        label(learner, pool, asked)
    campaign.run_cycle()
    head = read_head(read_object(open_store(campaign.root), campaign.state.commits[2].objects["head"]))
    assert learner.head is not None and learner.head.to_bytes() == head.to_bytes()


def test_known_labels_are_those_of_a_campaign_that_begins_with_them(
    begin: Callable[..., Any], pool: dict[str, Any], tmp_path: Path
) -> None:
    known = {"blue-05": "blue", "green-26": "green", "red-47": "red"}
    file = tmp_path / "known.csv"
    file.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in known.items()))
    campaign = begin(recipe="uherding", known_labels=[str(file)], seed=1, batch=4, budget=8)
    campaign.run_cycle()
    query = read_query(open_store(campaign.root), campaign.state.commits[0].objects["query"])["sample_id"].to_pylist()
    assert ActiveLearner(pool["features"], pool["ids"], CLASSES, seed=1, known=known).ask(4) == query


def test_a_model_does_not_depend_on_when_it_was_looked_at(pool: dict[str, Any]) -> None:
    found = []
    for looks in (False, True):
        learner = ActiveLearner(pool["features"], pool["ids"], CLASSES, "linear_probe", set={"trainer.epochs": 3})
        for _ in range(2):
            ids = learner.ask(6)
            label(learner, pool, ids[:3])
            if looks:
                learner.predict(pool["features"])
            label(learner, pool, ids[3:])
        found.append(learner.predict_proba(pool["features"]))
    assert np.array_equal(*found)


def test_rows_are_ids_where_none_are_given(pool: dict[str, Any]) -> None:
    learner = ActiveLearner(pool["features"], classes=CLASSES)
    ids = learner.ask(5)
    assert all(isinstance(row, int) for row in ids)
    learner.tell(ids, pool["labels"][ids])
    assert learner.labels == {row: pool["labels"][row] for row in ids}
    numbers = ActiveLearner(pool["features"], ids=range(100, 148), classes=[0, 1, 2])
    assert set(numbers.ask(48)) == set(range(100, 148))


def test_everything_can_be_asked_for(learner: ActiveLearner, pool: dict[str, Any]) -> None:
    label(learner, pool, learner.ask(40))
    ids = learner.ask(40)
    assert len(ids) == 8
    label(learner, pool, ids)
    assert learner.ask(1) == [] and len(learner.labels) == 48
    assert (learner.predict(pool["features"]) == pool["labels"]).mean() > 0.9


def test_samples_that_cannot_be_labelled_are_not_asked_for_again(learner: ActiveLearner, pool: dict[str, Any]) -> None:
    first = learner.ask(4)
    learner.tell(first, [None] * 4)
    second = learner.ask(4)
    assert not {*first} & {*second} and learner.labels == {}
    label(learner, pool, second)
    learner.tell(second[:1], ["red"])
    assert learner.labels[second[0]] == "red"


@pytest.mark.parametrize(
    ("ids", "labels", "said"),
    [
        (["nobody"], ["red"], "There is no sample 'nobody'"),
        (["{unasked}"], ["red"], "was never asked for. Nothing was taken in; tell what ask returned"),
        (["{asked}", "{asked}"], ["red", "red"], "is told twice"),
        (["{asked}"], ["rde"], "'rde' is no class. Did you mean 'red'? Nothing was taken in; the classes are 'blue'"),
        (["{asked}"], [["red"]], "is no class"),
        (["{asked}"], ["red", "blue"], "1 ids and 2 labels were told. Give one label an id."),
    ],
)
def test_what_is_told_wrongly_changes_nothing(
    learner: ActiveLearner, pool: dict[str, Any], ids: list[str], labels: list[Any], said: str
) -> None:
    asked = learner.ask(4)
    unasked = next(name for name in pool["ids"] if name not in asked)
    names = [asked[1], *(name.format(asked=asked[0], unasked=unasked) for name in ids)]
    given = ["red", *labels]
    if len(ids) != len(labels):
        names, given = names[1:], given[1:]
    with pytest.raises(InputError, match=re.escape(said)):
        learner.tell(names, given)
    assert learner.labels == {} and learner.open == asked


def test_what_is_asked_too_early_or_too_late_is_told(learner: ActiveLearner, pool: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="There is no model before the first label. Call ask"):
        learner.predict_proba(pool["features"])
    for wrong in (0, 1.5, "20"):
        with pytest.raises(ConfigurationError, match=f"1 label or more, a whole number; got {wrong!r}"):
            learner.ask(wrong)  # type: ignore[arg-type]
    ids = learner.ask(np.int64(4))  # type: ignore[arg-type]
    for one in ((ids[0], "red"), ([ids[0]], "red"), ([ids[0]], None)):
        with pytest.raises(InputError, match=r"come in lists, also where there is one of each. Give \[id\] and"):
            learner.tell(*one)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="4 ids were asked for and not told yet"):
        learner.ask(4)
    assert learner.open == ids


def test_features_that_do_not_fit_are_refused(learner: ActiveLearner, pool: dict[str, Any]) -> None:
    label(learner, pool, learner.ask(4))
    with pytest.raises(InputError, match="The features have 5 numbers a sample, and the model takes 8"):
        learner.predict_proba(pool["features"][:, :5])
    with pytest.raises(InputError, match=r"numbers of shape \(samples, 8\); got float32 of shape \(8,\)"):
        learner.predict_proba(pool["features"][0])
    with pytest.raises(InputError, match="The features of row 1 are NaN"):
        learner.predict_proba([[0.0] * 8, [np.nan] * 8])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classes": ["red"]}, "two or more distinct names"),
        ({"classes": "red"}, "two or more distinct names; got 'red'"),
        ({"ids": ["a"] * 48}, "id 'a' appears in rows 1 and 2"),
        ({"ids": ["a"]}, "expected 1 feature vectors"),
        ({"ids": [1.5] * 48}, "ids are texts or whole numbers; got 1.5"),
        ({"recipe": "nothing"}, "There is no recipe 'nothing'"),
        ({"recipe": "peal_entropy"}, "trains on images or on labels of the whole pool"),
        ({"set": {"selector.recheck": 0.1}}, "selector.recheck needs more than features and labels"),
        ({"set": {"schedule.batches_from": [[20, 5]]}}, "schedule.batches_from: ask says how many"),
        ({"set": {"stop.target": 0.9}}, "stop needs more than features and labels"),
        ({"set": {"selector.exclude": ["x"]}}, "selector.exclude: there is no sample 'x'"),
        ({"set": {"selector.strategy": "margins"}}, "margins"),
        ({"known": {"nobody": "red"}}, "There is no sample 'nobody'"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(pool: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    given = {"features": pool["features"], "ids": pool["ids"], "classes": CLASSES, **changes}
    with pytest.raises((InputError, ConfigurationError), match=re.escape(said)):
        ActiveLearner(**given)


def test_a_notebook_shows_it_with_every_text_escaped(pool: dict[str, Any]) -> None:
    learner = ActiveLearner(pool["features"], classes=["<b>", "&"], known={0: "<b>"})
    assert "<td" in learner._repr_html_() and "&lt;b&gt;: 1, &amp;: 0" in learner._repr_html_()
    assert "<b>:" not in learner._repr_html_()
    many = ActiveLearner(pool["features"], classes=range(30))._repr_html_()
    assert "19: 0, …" in many and "20: 0" not in many
    assert repr(learner) == "<ActiveLearner uherding: 1 of 48 samples labelled>"
