"""The evaluate stage: its figures, and what it leaves in the attempt."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.spaces import FeatureSpace


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
    from labelcycle.components.core.queries import read_query

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
    monkeypatch.setattr(FeatureSpace, "read", lambda self, ids=None: ([], empty))
    with pytest.raises(InputError, match="No test sample has features"):
        campaign.run("evaluate")
