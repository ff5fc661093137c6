"""A test set that grows by hand: never learnt from, and every earlier model is measured on it once."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labelcycle.components.analysis.savings import learning_curve
from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.pool import load_truth
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.remeasured import read_remeasured
from labelcycle.components.core.campaign.sample_tables import read_sample_tables
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.errors import ConfigurationError, InputError, LabelcycleError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_object
from labelcycle.components.tracking.promoting import promote, trained_commits
from labelcycle.components.tracking.promotion import Gate
from labelcycle.pipelines.amending.amend import Amended, WantedChanges, amend_campaign
from labelcycle.pipelines.amending.larger_test_set import with_tested
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from labelcycle.pipelines.replay.replay import replay_selection
from labelcycle.pipelines.verification.verify import verify_campaign
from tests.components.select.test_rechecks import unlabelled
from tests.conftest import CLASSES, Bench, Pictures
from tests.pipelines.amending.test_more_samples import set_aside, splits, write_image, write_rows


@pytest.fixture
def campaign(begin: Callable[..., Bench]) -> Bench:
    return begin(recipe="logistic", budget=32, batch=8)


def add(campaign: Bench, folder: Path, labels: dict[str, str], **others: Any) -> Amended:
    file = folder / "more-tests.csv"
    file.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in labels.items()))
    wanted = WantedChanges(samples=WantedSamples(test=str(file), **others))
    return amend_campaign(open_store(campaign.root), wanted, "")


def asked(state: State, store: Any) -> set[str]:
    return {
        name for each in state.commits for name in read_query(store, each.objects["query"])["sample_id"].to_pylist()
    }


def unasked(campaign: Bench, count: int) -> dict[str, str]:
    """So many samples of each class that the pool still has, with another class than theirs."""
    already, found = asked(campaign.state, open_store(campaign.root)), dict[str, str]()
    for number, name in enumerate(CLASSES):
        free = [one for one, where in splits(campaign).items() if where == "pool" and one not in already]
        found |= dict.fromkeys([each for each in free if each.startswith(name)][:count], CLASSES[number - 1])
    return found


def right(campaign: Bench, cycle: int) -> float:
    """The share of the present test set that the model of a cycle has right."""
    store, state = open_store(campaign.root), campaign.state
    truth = load_truth(store, state.campaign)
    ids, features = FeatureSpace(store, state.campaign.base_space).read(list(truth))
    found = read_head(read_object(store, state.commits[cycle].objects["head"])).probabilities(features).argmax(axis=1)
    return float(np.mean([CLASSES[column] == truth[name] for name, column in zip(ids, found, strict=True)]))


def test_earlier_models_are_measured_again(campaign: Bench, tmp_path: Path) -> None:
    """The new samples have wrong labels on purpose, so that every model is worse by as much."""
    store = open_store(campaign.root)
    for _ in range(3):
        campaign.run_cycle()
    before = campaign.state
    more = unasked(campaign, 2)
    assert add(campaign, tmp_path, more).amendment.counts == {"moved from the pool to the test set": 6}
    campaign.run_cycle()
    state = campaign.state
    assert state.commits[:3] == before.commits and more.keys().isdisjoint(asked(state, store))
    assert [each.accuracy for each in state.measured] == pytest.approx([right(campaign, each) for each in (1, 2, 3)])
    assert learning_curve(state).accuracy == [each.accuracy for each in state.measured]
    assert state.measured[0].accuracy != before.measured[0].accuracy
    again = read_remeasured(store, state.commits[3].objects)
    assert again is not None and [each.cycle for each in again.models] == [1, 2]
    report = read_object(store, state.commits[3].objects["report"]).decode()
    assert "The test set has changed: the 2 models of the cycles before" in report
    campaign.run_cycle()
    after = campaign.state
    assert after.commits[4].objects["remeasured"] == state.commits[3].objects["remeasured"], "once"
    assert after.measured[:2] == state.measured[:2]
    assert verify_campaign(store).faults == []
    assert all(replay_selection(store, cycle).agreement == "identical" for cycle in (1, 2, 3))


def test_models_are_judged_on_the_present_test_set(campaign: Bench, tmp_path: Path) -> None:
    store = open_store(campaign.root)
    campaign.run_cycle()
    campaign.run_cycle()
    state = campaign.state
    promote(store, state, trained_commits(state)[-1], Gate())
    add(campaign, tmp_path, unasked(campaign, 2))
    campaign.run_cycle()
    state = campaign.state
    done = promote(store, state, trained_commits(state)[-1], Gate(tolerance=1.0, class_margin=1.0))
    assert done.promotion.challenger.cycle == 2 and done.promotion.outcome == "promoted"
    assert "on the same test samples" in done.promotion.reason


def test_a_cycle_that_has_begun_may_ask_for_one_that_nobody_learns_from(campaign: Bench, tmp_path: Path) -> None:
    store = open_store(campaign.root)
    campaign.run_cycle()
    campaign.run_until("score")
    add(campaign, tmp_path, unasked(campaign, 12))
    campaign.run("select")
    campaign.run("publish")
    tested = {name for name, where in splits(campaign).items() if where == "test"}
    both = tested & asked(campaign.state, store)
    assert both, "the query was chosen from the pool of the cycle's own time"
    campaign.run_cycle()
    assert both.isdisjoint(campaign.work.labelled()) and both <= campaign.work.tested().keys()
    assert campaign.state.summaries[-1].answers - campaign.state.summaries[-1].labels == len(both)
    assert verify_campaign(store).faults == []


def test_new_images_to_test_with(
    begin_on_small_network: Callable[..., Bench], pictures: Pictures, tmp_path: Path
) -> None:
    campaign = begin_on_small_network(recipe="logistic", budget=16, batch=8)
    campaign.run_cycle()
    campaign.run_cycle()
    write_image(tmp_path / "more" / "t.png", 5, channel=1)
    free = next(one for one in unasked(campaign, 1) if one.startswith("blue"))
    shutil.copy(pictures.images / free, tmp_path / "more" / "same-file.png")
    labels = {"t.png": "green", free: "blue"}
    done = add(campaign, tmp_path, labels, images=str(tmp_path / "more"))
    assert done.amendment.counts == {"new in the test set": 1, "moved from the pool to the test set": 1}
    assert set_aside(campaign) == {}
    campaign.run_cycle()
    assert campaign.state.measured[0].accuracy is not None
    assert (
        json.loads(read_object(open_store(campaign.root), campaign.state.commits[2].objects["metrics"]))["test_samples"]
        == 14
    )


def test_neither_all_of_the_pool_nor_the_validation_split_joins_it(campaign: Bench, tmp_path: Path) -> None:
    store, state = open_store(campaign.root), campaign.state
    tables = read_sample_tables(store, state.campaign)
    pool = [name for name, where in splits(campaign).items() if where == "pool"]
    file = tmp_path / "more-tests.csv"
    file.write_text("sample_id,label\n" + "".join(f"{name},red\n" for name in pool))
    with pytest.raises(ConfigurationError, match="No sample would be left in the pool. Name fewer"):
        with_tested(store, state, state.campaign, tables, str(file))
    where = ["val" if name == pool[0] else split for name, split in tables.splits.items()]
    held_out = tables.pool.set_column(tables.pool.column_names.index("split"), "split", pa.array(where))
    with pytest.raises(InputError, match=f"'{pool[0]}' is in the validation split. Leave it out"):
        with_tested(store, state, state.campaign, replace(tables, pool=held_out), str(file))


def test_samples_that_cannot_join_it(campaign: Bench, tmp_path: Path) -> None:
    campaign.run_cycle()
    known = next(iter(asked(campaign.state, open_store(campaign.root))))
    tested = next(name for name, where in splits(campaign).items() if where == "test")
    everything = dict.fromkeys(splits(campaign), "red")
    for labels, message in (
        ({known: "red"}, f"1 of its samples were asked for or learnt from already, first '{known}'"),
        ({tested: tested.partition("-")[0]}, "nothing would change"),
        ({"nobody": "red"}, "nobody"),
        ({tested: "pink"}, "pink"),
        (everything, "asked for or learnt from"),
    ):
        with pytest.raises(LabelcycleError, match=message):
            add(campaign, tmp_path, labels)
    assert read_amended_campaign(open_store(campaign.root)).amendments == []


def test_the_same_file_under_another_name_leaves_the_pool_unless_it_was_asked_for(
    campaign: Bench, tmp_path: Path
) -> None:
    campaign.run_cycle()
    store, state = open_store(campaign.root), campaign.state
    tables = read_sample_tables(store, state.campaign)
    known = next(iter(asked(state, store)))
    joins, twin = list(unasked(campaign, 2))[:2]
    file = tmp_path / "more-tests.csv"
    file.write_text(f"sample_id,label\n{joins},red\n")

    def with_the_same_file(*names: str) -> Any:
        digests = ["0" * 64 if name in names else None for name in tables.pool["sample_id"].to_pylist()]
        column = pa.array(digests, pa.string())
        pool = tables.pool.set_column(tables.pool.column_names.index("sha256"), "sha256", column)
        alike = replace(tables, pool=pool, truth={**tables.truth, twin: "blue"})
        return with_tested(store, state, state.campaign, alike, str(file))

    with pytest.raises(InputError, match=f"first '{known}', which is the same file as '{joins}'"):
        with_the_same_file(joins, known)
    after = with_the_same_file(joins, twin)
    assert after.splits[joins] == "test" and after.truth[joins] == "red"
    assert twin not in after.splits and twin not in after.truth
    rows = {row["sample_id"]: row["reason"] for row in after.quarantine.to_pylist()}
    assert rows == {twin: f"the same image as the test sample {joins!r}"}


def test_labels_that_were_known_from_the_start_are_none_to_test_with(
    begin: Callable[..., Bench], tmp_path: Path
) -> None:
    known = tmp_path / "known.csv"
    known.write_text("sample_id,label\nblue-05,blue\nred-65,red\n")
    campaign = begin(**unlabelled(tmp_path), recipe="logistic", budget=12, batch=6, known_labels=[str(known)])
    with pytest.raises(InputError, match="1 of its samples were asked for or learnt from already, first 'blue-05'"):
        add(campaign, tmp_path, {"blue-05": "blue"})


def test_a_test_set_that_people_label_cannot_be_given(begin: Callable[..., Bench], tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 4))
    file = write_rows(tmp_path / "rows.npz", [f"s{number}" for number in range(40)], rows)
    campaign = begin(recipe="logistic", budget=20, embeddings=file, classes=CLASSES, test_from_budget=6)
    with pytest.raises(LabelcycleError, match="People label the test set"):
        add(campaign, tmp_path, {"s1": "red"})
    tested = [name for name, where in splits(campaign).items() if where == "test"]
    ids = tmp_path / "gone.txt"
    ids.write_text("\n".join(tested[:2]))
    amend_campaign(open_store(campaign.root), WantedChanges(samples=WantedSamples(withdraw=str(ids))), "")
    assert campaign.state.campaign.test_from_budget == 4
    campaign.run_cycle()
    assert asked(campaign.state, open_store(campaign.root)).issuperset(tested[2:])
    assert asked(campaign.state, open_store(campaign.root)).isdisjoint(tested[:2])
