"""The example notebook runs as it stands, and what it shows is true."""

import runpy
from pathlib import Path

import numpy as np
import pytest

NOTEBOOK = Path(__file__).parents[3] / "examples" / "digits.py"


@pytest.mark.usefixtures("mlflow", "warm_stages")
def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = runpy.run_path(str(NOTEBOOK))
    assert len(found["curve"]) == 4 and found["curve"][-1] > 0.8 and found["curve"][0] < found["curve"][-1]
    assert found["head"].score(found["features"][found["test"]], found["digits"][found["test"]]) > 0.8
    assert {*found["comparison"].table()["strategy"]} == {"random", "margin", "uherding"}
    assert found["campaign"].metrics()["labels"].tolist() == [20]
    truth = found["digits"][found["test"]].astype(str)
    assert np.mean(found["predictions"]["predicted"].to_numpy() == truth) > 0.6


def test_every_cell_is_marked() -> None:
    """Lines before the first mark would belong to no cell."""
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n") and text.count("\n# %%\n") > 8
