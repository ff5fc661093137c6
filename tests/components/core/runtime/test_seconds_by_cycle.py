"""Sums of timings: they say what the timings say, take in what came late, and are never missed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.components import tracking
from labelcycle.components.core.runtime.seconds_by_cycle import KEY, seconds_by_cycle, sum_up_cycles
from labelcycle.components.core.runtime.timings import Timing, Used, read_timings, write_timing
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.publish.mlflow_record import record_in_mlflow
from tests.conftest import Bench
from tests.harness.recording_store import RecordingStore


def spend(store: Store, cycle: int, seconds: float) -> None:
    used = {"wall_seconds": seconds, "cpu_seconds": 2 * seconds, "gpu_seconds": seconds / 2}
    write_timing(store, cycle, "a", Timing(stage="score", started=seconds, rows=None, peak_memory_bytes=0, **used))


def used(*seconds: float) -> list[Used]:
    return [Used(one, 2 * one, one / 2) for one in seconds]


@pytest.fixture
def spent(store: Store) -> RecordingStore:
    """Three cycles of 1, 5 and 3 seconds; the second ran twice."""
    for cycle, seconds in ((0, 1), (1, 2), (1, 3), (2, 3)):
        spend(store, cycle, seconds)
    return RecordingStore(store)


def test_sums_are_those_of_the_timings(spent: RecordingStore) -> None:
    assert seconds_by_cycle(spent.store, 3) == used(1, 5, 3)
    sum_up_cycles(spent.store, 2)
    assert seconds_by_cycle(spent, 3) == used(1, 5, 3) and spent.requests == {"read": 2, "keys": 1}
    assert seconds_by_cycle(spent.store, 1) == used(1)


def test_a_run_that_ended_after_its_cycle_is_counted_with_the_next(spent: RecordingStore) -> None:
    sum_up_cycles(spent.store, 1)
    spend(spent.store, 0, 7)
    assert seconds_by_cycle(spent.store, 1) == used(1)
    sum_up_cycles(spent.store, 2)
    assert seconds_by_cycle(spent.store, 2) == used(8, 5)


def test_what_is_summed_up_already_is_left(spent: RecordingStore) -> None:
    sum_up_cycles(spent.store, 3)
    sum_up_cycles(spent, 3)
    sum_up_cycles(spent, 2)
    assert spent.requests == {"read": 2}


@pytest.mark.parametrize("content", [b"", b"{}", b'{"wall": [1.0], "cpu": [], "gpu": [], "sha256": "no"}'])
def test_damaged_sums_are_read_anew(spent: RecordingStore, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    spent.store.write(KEY, content)
    assert seconds_by_cycle(spent.store, 3) == used(1, 5, 3)
    assert KEY in capsys.readouterr().err
    sum_up_cycles(spent.store, 3)
    assert seconds_by_cycle(spent, 3) == used(1, 5, 3) and spent.requests == {"read": 1}


def test_sums_that_cannot_be_written_cost_no_work(spent: RecordingStore, capsys: pytest.CaptureFixture[str]) -> None:
    class Full(RecordingStore):
        def write(self, key: str, data: bytes) -> None:
            raise OSError("No space left on device")

    sum_up_cycles(Full(spent.store), 3)
    assert "not summed up: No space left" in capsys.readouterr().err


def test_label_ingest_sums_up_where_computing_has_a_price(begin: Callable[..., Bench], tmp_path: Path) -> None:
    for price, kept in ((1.0, 2), (0.0, 0)):
        campaign = begin(str(tmp_path / str(price)), recipe="logistic", price_cpu_hour=price)
        for _ in range(3):
            campaign.run_cycle()
        store = RecordingStore(open_store(campaign.root))
        assert all(one.cpu_seconds > 0 for one in seconds_by_cycle(store, 3))
        assert store.requests["keys"] == 3 - kept
        campaign.ingest()
        seconds_by_cycle(store, 3)
        assert store.requests["keys"] == 2 * (3 - kept) - bool(kept)


@pytest.mark.parametrize(("price", "read"), [(1.0, 1), (0.0, 0)])
def test_what_follows_the_commit_sums_up_the_cycle_with_publish_itself(
    begin: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, price: float, read: int
) -> None:
    monkeypatch.setattr(tracking, "track_campaign", lambda root: [])
    campaign = begin(str(tmp_path / "campaign"), recipe="logistic", price_cpu_hour=price)
    campaign.run_cycle()
    record_in_mlflow(campaign.root)
    store = RecordingStore(open_store(campaign.root))
    [used] = seconds_by_cycle(store, 1)
    timings = read_timings(store.store, 0)
    assert "publish" in {timing.stage for timing in timings}
    assert used.cpu_seconds == pytest.approx(sum(timing.cpu_seconds for timing in timings))
    assert store.requests["keys"] == 1 - read
