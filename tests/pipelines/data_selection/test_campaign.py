"""A data selection as a campaign, from init to the last loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.campaign.campaign import load_campaign
from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import table_in
from labelcycle.components.select.gathering import read_scores


def test_three_loops_of_selection_and_training(select_data: Callable[..., Any], run_all: Callable[[Any], None]) -> None:
    campaign = select_data()
    run_all(campaign)
    commits, summaries = campaign.state.commits, campaign.state.summaries
    assert [summary.query_size for summary in summaries] == [8, 8, 8, 0]
    assert summaries[-1].accuracy is not None and summaries[-1].accuracy > 0.8
    queries = [read_query(campaign.work.store, commit.objects["query"]) for commit in commits[:3]]
    assert all(len(set(query["sample_id"].to_pylist())) == 8 for query in queries)
    for loop in (1, 2, 3):
        training = campaign.work.store.read(commits[loop].objects["training"].key)
        assert b'"labelled":8' in training.replace(b" ", b"")


def test_points_count_the_batches_of_all_loops(select_data: Callable[..., Any]) -> None:
    campaign = select_data()
    seen = []
    while campaign.state.phase != "done":
        campaign.run_cycle()
        if campaign.state.trained:
            seen += campaign.work.read_json("metrics.json")["batch_points"]
    assert [point["batches"] for point in seen] == [10, 20, 30, 40, 50, 60]
    assert seen[-1]["accuracy"] == campaign.state.summaries[-1].accuracy


def test_every_loop_chooses_from_the_whole_pool(select_data: Callable[..., Any]) -> None:
    campaign = select_data()
    campaign.run_cycle()
    campaign.run_until("score")
    scores = pq.read_table(pa.BufferReader(campaign.work.read("scores/0-of-1.parquet")))
    assert scores.num_rows == 48 and scores["loss"].null_count == 0


def test_captions_move_features_from_the_second_loop_on(select_data: Callable[..., Any], tmp_path: Path) -> None:
    first: dict[str, list[str]] = {}
    second: dict[str, list[str]] = {}
    for name, settings in (
        ("none", {"data_selection.augmentation": "none"}),
        ("pool", {"data_selection.augmentation": "pool", "data_selection.text_step": 0.9}),
    ):
        campaign = select_data(str(tmp_path / name), overrides=settings)
        campaign.run_cycle()
        campaign.run_cycle()
        store = campaign.work.store
        queries = [read_query(store, commit.objects["query"]) for commit in campaign.state.commits]
        first[name], second[name] = (query["sample_id"].to_pylist() for query in queries)
        written = [key for key in store.keys(campaign.work.key("")) if "/text_map-" in key]
        assert bool(written) == (name == "pool")
    assert first["none"] == first["pool"]
    assert second["none"] != second["pool"]


def test_replay_trains_on_the_selections_of_all_loops(select_data: Callable[..., Any]) -> None:
    campaign = select_data(
        overrides={
            "data_selection.replay": True,
            "data_selection.augmentation": "none",
            "selector.strategy": "topk_loss",
            "cold_start.strategy": "random",
        }
    )
    seen: set[str] = set()
    for _ in range(2):
        campaign.run_cycle()
        seen |= set(table_in(campaign.work.read("query.parquet"))["sample_id"].to_pylist())
        campaign.run_until("train_adapter")
        assert campaign.work.read_json("training.json")["labelled"] == len(seen)
    assert len(seen) > 8


@pytest.mark.parametrize("strategy", ["alfamix", "coreset"])
def test_earlier_picks_count_as_labelled(
    select_data: Callable[..., Any], run_all: Callable[[Any], None], strategy: str
) -> None:
    campaign = select_data(
        overrides={
            "data_selection.earlier_picks": "labelled",
            "data_selection.augmentation": "none",
            "selector.strategy": strategy,
            "cold_start.strategy": "random",
        }
    )
    run_all(campaign)
    queries = [read_query(campaign.work.store, commit.objects["query"]) for commit in campaign.state.commits[:3]]
    selected = [name for query in queries for name in query["sample_id"].to_pylist()]
    assert len(set(selected)) == len(selected) == 24
    assert strategy == "alfamix" or all("from all labelled" in reason for reason in queries[1]["reason"].to_pylist())


def test_training_sees_augmented_features_where_asked(select_data: Callable[..., Any], tmp_path: Path) -> None:
    heads = []
    for asked in (False, True):
        moved = {"data_selection.train_augmented": asked, "data_selection.augmentation": "none"}
        campaign = select_data(str(tmp_path / str(asked)), overrides=moved)
        campaign.run_cycle()
        campaign.run_until("train_adapter")
        heads.append(campaign.work.read("head.safetensors"))
    assert heads[0] != heads[1]


@pytest.mark.parametrize("strategy", ["random", "activeft"])
def test_strategies_without_losses_choose_too(
    select_data: Callable[..., Any], strategy: str, run_all: Callable[[Any], None]
) -> None:
    campaign = select_data(overrides={"selector.strategy": strategy, "cold_start.strategy": strategy})
    run_all(campaign)
    assert [summary.query_size for summary in campaign.state.summaries] == [8, 8, 8, 0]


def test_captions_by_template_domain_and_file(select_data: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "captions.csv"
    file.write_text("sample_id,caption\nred-45,a rose.\n")
    campaign = select_data(captions=str(file), domain="snowy")
    store = open_store(campaign.root)
    pool = load_pool(store, load_campaign(store))
    captions = dict(zip(pool["sample_id"].to_pylist(), pool["caption"].to_pylist(), strict=True))
    assert captions["red-45"] == "a rose. It is a snowy day."
    assert captions["red-46"] == "a photo of a red. It is a snowy day."


def test_texts_are_embedded_once(select_data: Callable[..., Any]) -> None:
    campaign = select_data()
    campaign.ingest()
    made = campaign.run("embed texts")
    assert (made.embedded, made.kept) == (48, 0)
    again = campaign.run("embed texts")
    assert (again.embedded, again.kept) == (0, 48)
    found, features = FeatureSpace(campaign.work.store, made.space).read()
    assert len(found) == 48 and features.shape == (48, 16)


def test_one_class_against_the_rest(select_data: Callable[..., Any], run_all: Callable[[Any], None]) -> None:
    objective = {"data_selection.objective": "one_vs_rest", "data_selection.target": "green"}
    campaign = select_data(overrides=objective)
    assert campaign.state.campaign.classes == ["green", "rest"]
    run_all(campaign)
    point = campaign.work.read_json("metrics.json")["batch_points"][-1]
    assert point["target_accuracy"] > 0.5 and point["balanced_accuracy"] > 0.5


def test_the_truth_holds_the_pool_only_where_it_may_be_read(
    select_data: Callable[..., Any], begin: Callable[..., Any], tmp_path: Path
) -> None:
    for campaign, size in ((select_data(), 60), (begin(str(tmp_path / "other")), 12)):
        store = open_store(campaign.root)
        assert len(load_truth(store, load_campaign(store))) == size


def test_pool_labels_for_a_strategy_that_reads_losses(begin: Callable[..., Any]) -> None:
    losses = {"selector.strategy": "vecaf_ods"}
    with pytest.raises(ConfigurationError, match="needs losses.*Give --pool-labels"):
        begin(overrides=losses)
    campaign = begin(overrides=losses, pool_labels=True)
    campaign.run_cycle()
    assert campaign.run_cycle().query_size == 8
    assert len(campaign.work.labelled()) == 8


@pytest.mark.parametrize("cold_start", ["vecaf_ods", "first of one class"])
def test_the_logistic_head_gives_losses_even_of_classes_it_rules_out(
    begin: Callable[..., Any], embeddings: Path, cold_start: str
) -> None:
    """Samples of a class without a label have probability 0 there; their loss is large and finite."""
    settings: dict[str, Any] = {"selector.strategy": "vecaf_ods"}
    if cold_start == "vecaf_ods":
        settings["cold_start.strategy"] = "vecaf_ods"
    else:
        with np.load(embeddings) as content:
            blue = content["ids"][(content["labels"] == "blue") & (content["splits"] == "pool")][:4]
        settings["selector.include"] = blue.tolist()
    campaign = begin(recipe="logistic", overrides=settings, pool_labels=True, budget=20, batch=8, initial=4)
    campaign.run_cycle()
    for size in (8, 8, 0):
        assert campaign.run_cycle().query_size == size
        if size:
            losses = read_scores(campaign.work, 1, ["sample_id", "loss"])["loss"].to_numpy()
            query = table_in(campaign.work.read("query.parquet"))
            assert np.isfinite(losses).all() and np.isfinite(query["score"].to_numpy()).all()
            assert len(set(query["sample_id"].to_pylist())) == size
    assert (campaign.state.trained[-1].accuracy or 0) > 0.7


def test_the_logistic_head_cannot_spend_batches(select_data: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="data_selection trains linear or ft, not 'logistic'"):
        select_data(recipe="vecaf_linear", overrides={"trainer": {"name": "logistic"}})


def test_refusals(select_data: Callable[..., Any], begin: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no strategy of recipe 'linear_probe' reads losses"):
        begin(pool_labels=True)
    with pytest.raises(ConfigurationError, match=r"no \{class\}"):
        select_data(caption_template="a photo")
    with pytest.raises(ConfigurationError, match="'pink' is not a class"):
        select_data(overrides={"data_selection.objective": "one_vs_rest", "data_selection.target": "pink"})
    with pytest.raises(ConfigurationError, match="needs a target"):
        select_data(overrides={"data_selection.objective": "one_vs_rest"})
    with pytest.raises(ConfigurationError, match="set augmentation to none or pool"):
        select_data(overrides={"data_selection.earlier_picks": "labelled"})
    labelled = {"data_selection.earlier_picks": "labelled", "data_selection.augmentation": "none"}
    with pytest.raises(ConfigurationError, match="more than the pool's 48, and with .* none is selected twice"):
        select_data(overrides=labelled, batch=20)
    with pytest.raises(ConfigurationError, match="Set data_selection.earlier_picks=labelled"):
        select_data(overrides={"selector.strategy": "alfamix"})
    with pytest.raises(ConfigurationError, match="Leave --initial out"):
        select_data(initial=4)
    with pytest.raises(ConfigurationError, match="install labelcycle"):
        select_data(text_encoder="no-such-encoder")
    file = tmp_path / "captions.csv"
    file.write_text("sample_id,caption\nnobody,a rose\n")
    with pytest.raises(InputError, match="row 2: no sample, or more than one, is called 'nobody'"):
        select_data(captions=str(file))
    with pytest.raises(ConfigurationError, match="give --pool-labels"):
        begin(caption_template="a {class}")


def test_a_pool_without_all_labels_is_refused(
    begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path
) -> None:
    lines = pictures.labels.read_text().splitlines()
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(InputError, match="1 samples of the pool have no label, first 'red/19.png'"):
        begin_on_images(recipe="vecaf_linear", batch=8, labels_from=str(labels), overrides={})
