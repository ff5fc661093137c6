"""The random arm out of a backtest that lies in the campaign's root."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from labelcycle.components.analysis.savings import Curve
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import table_bytes
from labelcycle.components.evaluate.projection_figures import RESULTS, SUMMARY, random_source, read_random_arm
from labelcycle.pipelines.backtest.report import RESULTS as NAME
from labelcycle.pipelines.backtest.report import SCHEMA
from labelcycle.pipelines.backtest.report import SUMMARY as SUMMARY_NAME


def results(*rows: tuple[str, int, int, float]) -> bytes:
    content: list[dict[str, Any]] = [
        {"strategy": strategy, "seed": seed, "cycle": 1, "labels": labels, "accuracy": accuracy}
        | dict.fromkeys(("macro_f1", "training_seconds", "selection_seconds"), 0.0)
        for strategy, seed, labels, accuracy in rows
    ]
    return table_bytes(pa.Table.from_pylist(content, schema=SCHEMA))


def test_the_mean_over_the_seeds(tmp_path: Path, campaign: Campaign) -> None:
    store = open_store(str(tmp_path))
    rows = [("random", 0, 10, 0.2), ("random", 1, 10, 0.4), ("random", 0, 20, 0.6), ("entropy", 0, 10, 0.9)]
    store.write(RESULTS, results(*rows))
    found = read_random_arm(store, campaign)
    assert found == Curve([10, 20], [pytest.approx(0.3), pytest.approx(0.6)])


def test_it_is_where_a_backtest_leaves_it() -> None:
    assert f"backtest/{NAME}" == RESULTS and f"backtest/{SUMMARY_NAME}" == SUMMARY


def test_without_a_backtest_there_is_none(
    tmp_path: Path, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(str(tmp_path))
    assert read_random_arm(store, campaign) is None
    store.write(RESULTS, results(("entropy", 0, 10, 0.9)))
    assert read_random_arm(store, campaign) is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [b"", b"not a table", table_bytes(pa.table({"strategy": ["random"]}))])
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, campaign: Campaign, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(str(tmp_path))
    store.write(RESULTS, content)
    assert read_random_arm(store, campaign) is None
    assert "has no results of a backtest" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("classes", "former", "shown"),
    [
        (["cat", "hound"], {"dog": "hound"}, True),
        (["cat", "dog", "owl"], {}, False),
        (["pet", "owl"], {"cat": "pet", "dog": "pet"}, False),
    ],
)
def test_a_backtest_by_other_classes_is_not_compared_with(
    tmp_path: Path,
    campaign: Campaign,
    classes: list[Any],
    former: dict[str, Any],
    shown: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = open_store(str(tmp_path))
    store.write(RESULTS, results(("random", 0, 10, 0.2)))
    amended = campaign.amended({"classes": classes, "former_classes": former})
    assert read_random_arm(store, amended) is not None, "where it does not say, nothing speaks against it"
    store.write(SUMMARY, json.dumps({"classes": ["dog", "cat"]}).encode())
    assert (read_random_arm(store, amended) is not None) == shown
    assert ("by other classes" in capsys.readouterr().err) != shown


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        (b'{"source": "s3://bucket/campaign"}', "labels that a campaign had collected"),
        (b'{"source": "/data/known.npz"}', "embeddings with labels"),
        (b'{"source": "known.parquet"}', "embeddings with labels"),
        (b"[]", "does not say"),
        (None, "does not say"),
    ],
)
def test_what_it_was_drawn_from(tmp_path: Path, summary: bytes | None, told: str) -> None:
    store = open_store(str(tmp_path))
    if summary is not None:
        store.write(SUMMARY, summary)
    assert told in random_source(store) and "bucket" not in random_source(store)
