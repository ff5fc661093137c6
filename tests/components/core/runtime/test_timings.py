"""Records of what runs took: what is measured, where it is kept, and that it changes no commit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from labelcycle.components.core.campaign.commits import attempt_key
from labelcycle.components.core.digests import canonical_json, digest_of_bytes, digest_of_json
from labelcycle.components.core.errors import CampaignError, TransientError
from labelcycle.components.core.runtime import observation
from labelcycle.components.core.runtime.timings import Meter, Timing, Used, read_timings, write_timing
from labelcycle.components.core.storage import Store, open_store

STEPS = ["label_ingest", "embed_base", "train_adapter", "embed_tuned", "evaluate", "score", "select", "publish"]


def timing(**changes: Any) -> Timing:
    figures = {"started": 1.0, "wall_seconds": 2.0, "cpu_seconds": 3.0, "gpu_seconds": 0.0}
    return Timing(**{"stage": "score", "rows": 7, "peak_memory_bytes": 5, **figures, **changes})


def test_records_are_kept_side_by_side_in_order_of_their_start(store: Store) -> None:
    records = [timing(started=3.0), timing(started=1.0, shard=1), timing(started=2.0, stage="embed", target="base")]
    for number, record in enumerate(records):
        write_timing(store, 4, f"attempt-{number}", record)
    write_timing(store, 5, "attempt-0", timing())
    assert read_timings(store, 4) == [records[1], records[2], records[0]]
    names = [key.rpartition("/")[2].rpartition("-")[0] for key in store.keys("cycles/4/")]
    assert names == ["score", "score-1", "embed-base"]


def test_the_same_record_twice_is_one(store: Store) -> None:
    for _ in range(2):
        write_timing(store, 0, "a", timing())
    assert read_timings(store, 0) == [timing()]


def test_a_record_of_a_version_that_counted_no_bytes_is_read(store: Store) -> None:
    content = timing().model_dump(mode="json")
    old = {name: value for name, value in content.items() if not name.startswith("bytes_")}
    name = f"timings/score-{digest_of_json(old)[:12]}.json"
    store.write(attempt_key(0, "a", name), canonical_json(old))
    assert read_timings(store, 0) == [timing()]


@pytest.mark.parametrize("damage", ["a flipped bit", "cut off", "another's name", "no record"])
def test_a_damaged_record_is_told_once_and_left_out(
    store: Store, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    write_timing(store, 0, "a", timing(started=1.0))
    write_timing(store, 0, "a", timing(started=2.0))
    key = next(key for key in store.keys("") if b'"started": 2.0' in store.read(key))
    data = store.read(key)
    content = {
        "a flipped bit": data.replace(b"2.0", b"3.0", 1),
        "cut off": data[:-9],
        "another's name": canonical_json(timing(started=5.0).model_dump(mode="json")),
        "no record": b"\xff",
    }[damage]
    store.write(key, content)
    for _ in range(2):
        assert read_timings(store, 0) == [timing(started=1.0)]
    told = capsys.readouterr().err
    assert told == f"The timing {store.locate(key)} is damaged and counts for nothing. It may be deleted.\n"


def test_an_intact_object_that_is_no_record_is_left_out(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.write(attempt_key(0, "a", f"timings/score-{digest_of_bytes(b'{}')[:12]}.json"), b"{}")
    assert read_timings(store, 0) == []
    assert "is damaged" in capsys.readouterr().err


def test_bytes_of_the_store_are_measured(store_root: str) -> None:
    store = open_store(store_root)
    meter = Meter()
    store.write("a", b"1234")
    store.read("a")
    store.read("a")
    measured = meter.read()
    assert (measured["bytes_read"], measured["bytes_written"], measured["requests"]) == (8, 4, 3)


def test_seconds_add_up() -> None:
    assert timing().used + Used(1.0, 1.0, 1.0) == Used(3.0, 4.0, 1.0)


def test_the_processor_s_work_is_measured() -> None:
    meter = Meter()
    sum(number * number for number in range(300_000))
    measured = meter.read()
    assert measured["cpu_seconds"] > 0 and measured["wall_seconds"] > 0 and measured["peak_memory_bytes"] > 1_000_000
    assert measured["gpu_seconds"] == 0.0


def test_a_run_that_asked_a_gpu_for_memory_used_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([5, 5, 5, 6])
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda number: {"allocation.all.allocated": next(counts)})
    idle, busy = Meter().read(), Meter().read()
    assert idle["gpu_seconds"] == 0.0 and busy["gpu_seconds"] == busy["wall_seconds"]


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """A campaign with its cold start and one trained cycle."""
    made = begin()
    made.run_cycle()
    made.run_cycle()
    return made


def test_every_stage_of_an_attempt_leaves_a_record(campaign: Any) -> None:
    found = {record.step: record for record in read_timings(open_store(campaign.root), 1)}
    assert list(found) == STEPS
    rows = {step: record.rows for step, record in found.items()}
    assert (rows["train_adapter"], rows["score"], rows["select"], rows["evaluate"]) == (8, 40, 8, 12)
    assert all(record.bytes_read and record.bytes_written is not None for record in found.values())
    assert all(record.requests for record in found.values())
    assert found["select"].bytes_written > 0
    assert rows["label_ingest"] is None and not any(record.failed for record in found.values())


def test_commits_name_no_timings(campaign: Any) -> None:
    keys = [reference.key for commit in campaign.state.commits for reference in commit.objects.values()]
    assert keys and not any("/timings/" in key for key in keys)


def test_a_run_with_nothing_left_to_do_adds_a_record_and_replaces_none(campaign: Any) -> None:
    store = open_store(campaign.root)
    before, objects = read_timings(store, 1), campaign.files()
    campaign.run("score")
    after = read_timings(store, 1)
    assert after[: len(before)] == before and [record.step for record in after[len(before) :]] == ["score"]
    assert campaign.files() == objects


def test_a_failed_run_is_recorded_too(campaign: Any) -> None:
    campaign.ingest()
    with pytest.raises(CampaignError):
        campaign.run("evaluate")
    last = read_timings(open_store(campaign.root), 2)[-1]
    assert (last.stage, last.failed, last.rows) == ("evaluate", True, None)


def test_an_attempt_that_does_not_exist_is_not_begun_by_a_record(campaign: Any) -> None:
    before = open_store(campaign.root).keys("")
    campaign.attempt = "another"
    with pytest.raises(CampaignError):
        campaign.run("evaluate")
    assert open_store(campaign.root).keys("") == before


def test_nothing_is_recorded_while_labels_are_awaited(begin_on_images: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin_on_images(recipe="random")
    campaign.run_cycle()
    (tmp_path / "none.csv").write_text("sample_id,label\n")
    before = open_store(campaign.root).keys("")
    assert campaign.ingest(str(tmp_path / "none.csv")).decision == "wait"
    assert open_store(campaign.root).keys("") == before


def test_a_record_that_cannot_be_written_is_a_notice(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise TransientError("the disk is full")

    monkeypatch.setattr(observation, "write_timing", full)
    assert begin().run_cycle().committed
    assert "What select of cycle 0 took is not recorded: the disk is full" in capsys.readouterr().err
