"""`labelcycle.backtest`: the figures of the command on the same samples, as tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle import backtest
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest.arm import run
from labelcycle.pipelines.backtest.backtest_plan import write_plan
from labelcycle.pipelines.backtest.prepare import BacktestRequest, prepare

QUICK = {"strategies": ["random", "margin"], "seeds": 2, "batch": 6, "cycles": 2, "recipe": "logistic"}


@pytest.fixture
def samples(embeddings: Path) -> dict[str, Any]:
    with np.load(embeddings) as content:
        return {name: content[name] for name in ("features", "labels", "ids", "splits")}


def test_figures_are_those_of_the_command(samples: dict[str, Any], embeddings: Path, tmp_path: Path) -> None:
    found = backtest(**samples, **QUICK, out=tmp_path / "here")
    root = str(tmp_path / "command")
    plan = prepare(BacktestRequest(out=root, embeddings=str(embeddings), **QUICK))
    name = write_plan(open_store(root), plan)
    curves = found.curves()
    for title in ("random", "margin"):
        arms = [arm for arm in plan.arms() if arm.compared.chooser.title == title]
        expected = np.mean([[cycle.accuracy for cycle in run(root, name, arm.name).cycles] for arm in arms], axis=0)
        assert curves[curves["strategy"] == title]["accuracy"].tolist() == pytest.approx(expected.tolist())
    assert curves["labels"].unique().tolist() == [6, 12]
    assert {path.name for path in (tmp_path / "here").iterdir()} == {"arms", "history", "plans"}


def test_it_is_shown_as_a_table(samples: dict[str, Any]) -> None:
    found = backtest(samples["features"], samples["labels"], **{**QUICK, "seeds": 1}, test_share=0.2)
    table = found.table()
    assert set(table["strategy"]) == {"random", "margin"} and table["saved"].notna().all()
    assert not found.leaderboard.failures
    assert "<td>margin</td>" in found._repr_html_() and "sample-saving" not in found.verdict
    assert repr(found) == f"<BacktestResult of {len(found.table())} strategies: {found.verdict}>"
    assert np.isnan(found.curves()["half_width"]).all()


def test_runs_that_failed_are_told(samples: dict[str, Any]) -> None:
    settings = {**QUICK, "seeds": 1, "strategies": ["random", "alfamix:epsilon=-1"]}
    found = backtest(samples["features"], samples["labels"], **settings, test_share=0.2)
    (failure,) = found.leaderboard.failures
    assert failure.error and "alfamix:epsilon=-1, seed 0 failed: " in found._repr_html_()


def test_samples_without_a_label_are_left_out(samples: dict[str, Any]) -> None:
    labels = [None, float("nan"), *samples["labels"][2:].tolist()]
    found = backtest(samples["features"], labels, **{**QUICK, "seeds": 1}, test_share=0.2)
    assert len(found.leaderboard.entries) == 2


def test_bad_input_is_told(samples: dict[str, Any]) -> None:
    features, labels = samples["features"], samples["labels"]
    with pytest.raises(InputError, match="There are 60 samples and 3 labels"):
        backtest(features, labels[:3], **QUICK)
    with pytest.raises(InputError, match="No sample has a label"):
        backtest(features, [None] * 60, **QUICK)
    with pytest.raises(InputError, match="split 'train' is not one of pool, val, test"):
        backtest(features, labels, splits=["train"] * 60, **QUICK)
    with pytest.raises(ConfigurationError, match="There is no strategy 'margins'"):
        backtest(features, labels, strategies=["margins"])
    with pytest.raises(ConfigurationError, match="trains by 'lora'"):
        backtest(features, labels, recipe="peal_entropy", batch=6)
