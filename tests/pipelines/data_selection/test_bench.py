"""The bench of VeCAF's tables runs from end to end, on a few samples."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.bench.methods import vecaf


def test_both_tables_are_printed(
    tmp_path: Path, text_encoder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    features = generator.normal(size=(60, 4)) + 4 * labels[:, None]
    ids = np.array([f"sample-{number:02d}" for number in range(60)])
    file = tmp_path / "features.npz"
    np.savez(file, features=features.astype(np.float16), labels=labels, classes=np.array(["red", "blue"]), ids=ids)
    monkeypatch.setattr(vecaf, "LOOPS", (1, 2))
    monkeypatch.setattr(vecaf, "ROWS", vecaf.ROWS[:3])
    small = ["--pool", "0", "--share", "0.1", "--batches", "9", "--seeds", "1", "--to", "0.01"]
    monkeypatch.setattr(sys, "argv", ["vecaf", "--features", str(file), "--encoder", str(text_encoder), *small])
    vecaf.main()
    shown = capsys.readouterr().out
    rows = [line.split("|") for line in shown.splitlines() if line.startswith("|")]
    assert [row[1].strip() for row in rows[2:5]] == [row.name for row in vecaf.ROWS]
    assert len({row[-2].strip() for row in rows[2:5]} - {"–"}) >= 1
    assert [row[1].strip() for row in rows[-2:]] == ["1", "2"]
