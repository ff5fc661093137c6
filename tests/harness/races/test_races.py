"""A few races in every run of the tests, and a look at whether unfair ones would be seen."""

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.attempt import open_attempt
from labelcycle.components.core.campaign.commits import Commit, read_commit, write_commit
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage import open_store
from tests.harness.races.fairness import unfair

RUNNERS = 10

pytestmark = pytest.mark.system


@pytest.mark.timeout(900)
def test_a_few_races_are_fair(counts_of: Callable[..., Any]):
    kinds = ["other shard counts", "two schedules"]
    counts = counts_of("races", "--races", "3", "--seed", "5", "--store", "folder", "--kinds", *kinds)
    assert (len(counts["races"]), counts["violations"]) == (3, 0)


def test_of_ten_commits_at_once_one_wins(store_root: str):
    start, won = threading.Barrier(RUNNERS), []

    def commit(number: int) -> None:
        store = open_store(store_root)
        mine = Commit(cycle=0, attempt=f"{number:016d}", objects={})
        start.wait()
        if write_commit(store, mine):
            won.append(mine)

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(RUNNERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [read_commit(open_store(store_root), 0)] == won


@pytest.mark.parametrize("adopted", [True, False], ids=["as it is", "with records that are overwritten"])
def test_a_head_that_was_not_measured_is_seen(
    begin: Callable[..., Any], adopted: bool, monkeypatch: pytest.MonkeyPatch
):
    """Another machine trains to another head after the first was measured; the commit must be all of one."""
    campaign = begin(budget=4, batch=4, overrides={"trainer.epochs": 2})
    campaign.run_cycle()
    campaign.run_until("evaluate")
    work = open_attempt(campaign.root, campaign.cycle, campaign.attempt)
    head = read_head(work.read("head.safetensors"))
    training = work.read("training.json")
    other = dataclasses.replace(head, weight=(head.weight[::-1] - np.float32(0.5)).copy())
    late = open_attempt(campaign.root, campaign.cycle, campaign.attempt)
    late.write("head.safetensors", other.to_bytes())
    late.write("training.json", training)
    if not adopted:
        monkeypatch.setattr(
            type(late.store), "write_if_absent", lambda store, key, data: store.write(key, data) or True
        )
    late.record("train_adapter")
    monkeypatch.undo()
    for stage in ("score", "select", "publish"):
        campaign.run(stage)
    assert (unfair(campaign.root) == []) == adopted
