"""The examples in the docstrings of the public names, run as they stand."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labelcycle.pipelines.api import MODULES

QUICK = sorted(
    {module for module in MODULES.values() if ".api." in module} - {"labelcycle.pipelines.api.user_campaign"}
)


def failures_of(module: str) -> tuple[int, int]:
    """How many examples of a module failed, and how many there are."""
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    return found.failed, found.attempted


@pytest.mark.parametrize("module", QUICK)
def test_examples_run(module: str) -> None:
    failed, attempted = failures_of(module)
    assert failed == 0 and attempted >= 2


@pytest.mark.usefixtures("mlflow", "warm_stages")
def test_the_example_of_a_campaign_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features, classes = load_digits(return_X_y=True)
    rows = [f"digit-{row:03d}" for row in range(200)]
    np.savez(tmp_path / "digits.npz", ids=rows, features=features[:200], labels=classes[:200].astype(str))
    monkeypatch.chdir(tmp_path)
    assert failures_of("labelcycle.pipelines.api.user_campaign") == (0, 5)
