"""The table of the report that says why features were, or were not, made anew."""

from typing import Any

from labelcycle.components.core.campaign.training import AlignmentVerdict
from labelcycle.components.core.config.recipe import Alignment
from labelcycle.components.publish.report_tables import QUANTITIES, alignment_table

RECORD: dict[str, Any] = {
    "update": True,
    "reason": "LogME changed by 0.5, less than 1",
    "mode": "absolute",
    "threshold": 1.0,
    "updates": 1,
    "labelled": 40,
    "width": 192,
    "ped_steps": 3,
    "ped_within_one_step": False,
    "ped_changes": [1.23456, 1.0],
    "logme": 0.123456,
    "previous_logme": -0.4,
    "change": 0.523456,
    "relative_change": 1.3,
    "probe_accuracy": None,
    "tuned_accuracy": None,
    "gap": None,
    "tuning": {"epochs": 130, "loss": 0.25, "examples": 40},
}


def test_every_quantity_of_the_record_is_a_row() -> None:
    table = alignment_table(AlignmentVerdict.model_validate(RECORD))
    assert table is not None and table.outcome == "Features were recomputed" and table.reason == RECORD["reason"]
    shown = {row.name: row.value for row in table.quantities}
    assert shown["LogME after PED"] == "0.1235" and shown["Change of LogME"] == "0.5235"
    assert shown["PED: movement in each step"] == "1.235, 1" and shown["Gap between the two"] == "–"
    assert shown["PED: converged within one iteration"] == "no" and shown["Fine-tuning: epochs"] == "130"
    assert RECORD.keys() == QUANTITIES.keys() | {"update", "reason", "tuning"}


def test_a_logme_of_no_more_labels_than_features_is_told_as_unreliable() -> None:
    few = AlignmentVerdict.model_validate({**RECORD, "labelled": 192, "width": 192})
    enough = AlignmentVerdict.model_validate({**RECORD, "labelled": 193, "width": 192})
    told = []
    for verdict in (few, enough):
        table = alignment_table(verdict, of_features=False)
        assert table is not None and "final.aligned" in table.outcome
        told.append("LogME is unreliable" in [row.name for row in table.quantities])
    assert told == [True, False]


def test_without_an_alignment_there_is_no_table() -> None:
    assert alignment_table(None) is None


def test_the_record_of_the_decision_has_these_quantities() -> None:
    import numpy as np

    from labelcycle.components.train_adapter.alignment.recompute_decision import decide

    features, classes = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    verdict = decide(features, classes, None, Alignment())
    assert verdict.as_json().keys() == QUANTITIES.keys() | {"update", "reason"}
    assert alignment_table(verdict) is not None
