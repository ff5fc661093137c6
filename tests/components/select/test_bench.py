"""`make bench-select` must not rot: our side of it, on tiny pools and without peers or timings."""

from pathlib import Path

import numpy as np
import pytest

from tests.bench.select import against_peers, large, memory_rate
from tests.bench.select.data import Pool, Setting, read_pool, write_pool
from tests.bench.select.measure import time_here
from tests.bench.select.options import Options
from tests.bench.select.ours import prepare_ours, served
from tests.bench.select.quality import QUALITY

SETTING = Setting(rows=300, width=16, classes=4, labelled=20, budget=6)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return read_pool(write_pool(tmp_path_factory.mktemp("bench"), SETTING, scored=True))


def test_every_strategy_that_a_pool_serves_can_be_measured(pool: Pool) -> None:
    assert {"badge", "coreset", "dropquery", "entropy", "kmeans", "margin", "probcover", "typiclust"} <= {*served(pool)}
    for strategy in served(pool):
        measured = time_here(prepare_ours(strategy, pool), repeat=False)
        assert len(set(measured["rows"])) == SETTING.budget


@pytest.mark.parametrize("strategy", sorted(name for name in QUALITY if QUALITY[name].least))
def test_quality_tells_exact_picks_from_others(pool: Pool, strategy: str) -> None:
    rows = np.array(prepare_ours(strategy, pool)())
    quality = QUALITY[strategy]
    assert quality.of(pool, rows) == 1
    others = np.setdiff1d(np.arange(SETTING.rows), rows)[-SETTING.budget :]
    assert not quality.accepts(quality.of(pool, others), [1.0])


@pytest.mark.parametrize("strategy", sorted(name for name in QUALITY if not QUALITY[name].least))
def test_quality_is_a_number(pool: Pool, strategy: str) -> None:
    assert np.isfinite(QUALITY[strategy].of(pool, np.arange(SETTING.budget)))


def test_tables_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(against_peers, "PEERS", {})
    monkeypatch.setattr(memory_rate, "BYTES", 2**20)
    options = Options(("coreset",), rows=4000, limit=120, scratch=tmp_path, json=tmp_path / "all.jsonl", markdown=True)
    against_peers.compare(options)
    large.measure_large(options, ("million", "growth", "limit"))
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith("| coreset") and "none known" in line]
    assert all(title in printed for title in ("Against peers", "Large pools", "Growth", "Against the limit"))
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 3
