"""The evaluate stage: its figures, and what it leaves in the attempt."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage.tables import table_bytes


def test_the_facts_are_those_of_metrics_json(begin: Callable[..., Any]) -> None:
    campaign = begin(label_price=0.5, annotators_per_label=3)
    campaign.run_cycle()
    facts = campaign.run_until("evaluate")
    metrics = campaign.work.read_json("metrics.json")
    assert facts.as_metadata() == {
        name: metrics[name] for name in ("labels", "accuracy", "macro_f1", "ece", "label_cost", "test_samples")
    }
    assert (facts.labels, facts.label_cost, metrics["test_samples"]) == (8, 12.0, 12)
    assert metrics["training"] == campaign.work.read_json("training.json")
    assert np.sum(metrics["confusion"]) == 12
    assert metrics["labels_by_class"].keys() == set(campaign.state.campaign.classes)
    assert sum(metrics["labels_by_class"].values()) == 8


def test_skipped_answers_cost_as_well(begin: Callable[..., Any], tmp_path: Any) -> None:
    campaign = begin(budget=48, batch=48)
    campaign.run_cycle()
    ids = FeatureSpace(campaign.work.store, campaign.state.campaign.base_space).ids()
    path = tmp_path / "labels.csv"
    rows = [f"{name},{'' if name.endswith('19') else name.partition('-')[0]}," for name in sorted(ids)]
    path.write_text("sample_id,label,status\n" + "".join(f"{row}{'skip' if ',,' in row else ''}\n" for row in rows))
    campaign.ingest(str(path))
    campaign.run("train_adapter")
    facts = campaign.run("evaluate")
    assert (facts.labels, facts.label_cost) == (campaign.work.decision.labelled, 48.0)
    assert facts.labels < 48


def test_again_writes_the_same_bytes(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("evaluate")
    before = campaign.files()
    campaign.run("evaluate")
    assert campaign.files() == before


def test_the_previous_query_is_judged_by_what_people_said(begin: Callable[..., Any], tmp_path: Any) -> None:
    """The second query carries predictions; the answers are made to contradict three of them."""
    from labelcycle.components.core.campaign.queries import read_query

    campaign = begin()
    campaign.run_cycle()
    campaign.run_cycle()
    assert campaign.work.read_json("metrics.json")["previous_query"] == {
        "known": 0,
        "unknown": 0,
        "known_unknown_ratio": None,
    }
    query = read_query(campaign.work.store, campaign.state.commits[1].objects["query"])
    rows = list(zip(query["sample_id"].to_pylist(), query["predicted"].to_pylist(), strict=True))
    other = {"blue": "green", "green": "red", "red": "blue"}
    answers = [(name, other[said] if number < 3 else said) for number, (name, said) in enumerate(rows)]
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in answers))
    campaign.ingest(str(path))
    for stage in ("train_adapter", "evaluate"):
        campaign.run(stage)
    assert campaign.work.read_json("metrics.json")["previous_query"] == {
        "known": 5,
        "unknown": 3,
        "known_unknown_ratio": 3 / 5,
    }


def test_without_training_it_says_what_is_missing(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.ingest()
    with pytest.raises(CampaignError, match="is missing: its stage has not run for this attempt"):
        campaign.run("evaluate")


def test_test_samples_without_features_are_refused(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("train_adapter")
    empty = np.empty((0, 8), np.float16)
    monkeypatch.setattr(FeatureSpace, "read_together", lambda self, groups: [([], empty) for _ in groups])
    with pytest.raises(InputError, match=r"are not those that the campaign began with. \S+spaces/\w+ says why of each"):
        campaign.run("evaluate")


def answered(campaign: Any, tmp_path: Any, rows: list[str]) -> dict[str, Any]:
    """The metrics after these answers to the query, as rows of a label file with annotators."""
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,label,annotator\n" + "".join(f"{row}\n" for row in rows))
    campaign.ingest(str(path))
    for stage in ("train_adapter", "evaluate"):
        campaign.run(stage)
    metrics: dict[str, Any] = campaign.work.read_json("metrics.json")
    return metrics


def asked_of(campaign: Any) -> list[str]:
    from labelcycle.components.core.campaign.queries import read_query

    names: list[str] = read_query(campaign.work.store, campaign.state.commits[-1].objects["query"])[
        "sample_id"
    ].to_pylist()
    return sorted(names)


def test_the_bins_of_the_reliability_diagram_make_the_calibration_error(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("evaluate")
    metrics = campaign.work.read_json("metrics.json")
    assert sum(one["count"] for one in metrics["reliability"]) == 12
    error = sum(one["count"] * abs(one["confidence"] - one["accuracy"]) for one in metrics["reliability"]) / 12
    assert metrics["ece"] == pytest.approx(error)


def test_people_who_disagree_are_measured_and_named(begin: Callable[..., Any], tmp_path: Any) -> None:
    campaign = begin()
    campaign.run_cycle()
    asked = asked_of(campaign)
    given = [f"{name},{name.partition('-')[0]},mara" for name in asked]
    other = "green" if asked[0].startswith("blue") else "blue"
    metrics = answered(campaign, tmp_path, [*given, f"{asked[0]},{other},noor"])
    people = {person["annotator"]: person for person in metrics["annotators"]["people"]}
    assert people["mara"]["classes"] == 8 and people["noor"]["classes"] == 1
    assert metrics["annotators"]["several"] == 1
    assert [row["sample_id"] for row in metrics["disputed"]["rows"]] == [asked[0]]
    assert metrics["disputed"]["rows"][0]["label"] is None


def test_wrong_labels_are_suspects(begin: Callable[..., Any], tmp_path: Any) -> None:
    campaign = begin(budget=48, batch=48)
    campaign.run_cycle()
    other = {"blue": "green", "green": "red", "red": "blue"}
    asked = asked_of(campaign)
    truth = {name: name.partition("-")[0] for name in asked}
    wrong = {name for row, name in enumerate(asked) if row % 12 == 5}
    rows = [f"{name},{other[truth[name]] if name in wrong else truth[name]},mara" for name in asked]
    metrics = answered(campaign, tmp_path, rows)
    suspects = metrics["label_suspects"]
    found = {row["sample_id"] for row in suspects["rows"]}
    assert suspects["judged"] == 48 and suspects["found"] == len(found)
    assert len(found & wrong) >= 2 and len(found - wrong) <= 2
    table = pq.read_table(pa.BufferReader(campaign.work.read("label_suspects.parquet")))
    assert table["sample_id"].to_pylist() == [row["sample_id"] for row in suspects["rows"]]


def test_few_labels_have_no_suspects_for_a_reason(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("evaluate")
    suspects = campaign.work.read_json("metrics.json")["label_suspects"]
    assert suspects == {"found": 0, "judged": 0, "reason": "fewer than two classes have 5 labels or more", "rows": []}
    assert pq.read_table(pa.BufferReader(campaign.work.read("label_suspects.parquet"))).num_rows == 0


def test_the_forecast_and_the_random_arm(begin: Callable[..., Any]) -> None:
    """The random arm of a backtest in the root: as good as this campaign with half as many labels again."""
    campaign = begin(budget=40)
    for _ in range(3):
        campaign.run_cycle()
    first = campaign.work.read_json("metrics.json")
    assert first["random"] is None
    assert first["forecast"] == {"reason": "a forecast needs 4 trained cycles, and there are 2 so far"}
    curve = campaign.state.trained
    table = {
        "strategy": ["random"] * 2,
        "labels": [8, 24],
        "accuracy": [curve[0].accuracy - 0.2, max(one.accuracy for one in curve)],
    }
    campaign.work.store.write("backtest/results.parquet", table_bytes(pa.table(table)))
    campaign.run_cycle()
    campaign.run_cycle()
    second = campaign.work.read_json("metrics.json")
    assert second["random"]["labels"] == [8, 24] and second["random"]["sign"] in ("", "≥")
    assert "reason" in second["forecast"]
