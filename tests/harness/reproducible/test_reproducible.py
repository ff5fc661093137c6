"""Threads, shards, orders and stores do not show in what a campaign commits. The whole run: README.md."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Bench as Campaign
from tests.harness.committed_objects import committed_objects
from tests.harness.reproducible import campaigns, data
from tests.harness.reproducible.circumstances import REFERENCE, Circumstances
from tests.harness.reproducible.outcome import Difference, compare
from tests.harness.reproducible.runs import Bench, Ran

OTHERWISE = Circumstances(
    "otherwise", threads=8, shards=5, shuffled=True, environment={"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu"}
)
COURSES = tuple(one.name for one in campaigns.QUICK)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Ran]:
    """Campaigns on one thread, in one shard and in order, and the same with eight threads, five shards and shuffled."""
    bench = Bench(tmp_path_factory.mktemp("reproducible"))
    bench.prepare(data.QUICK, texts=False)
    return bench.run(REFERENCE, COURSES, reports=False), bench.run(OTHERWISE, COURSES, reports=False)


def difference_of(both: tuple[Ran, Ran], name: str) -> Difference:
    reference, other = both
    assert reference.threads["torch"] == 1 and other.threads["torch"] == other.threads["openblas"] == 8
    found = other.outcome(name)
    assert sum(bool(cycle.metrics) for cycle in found.cycles) == campaigns.course(name).cycles
    return compare(found, reference.outcome(name), Difference(name, "otherwise", "bytes"))


@pytest.mark.system
@pytest.mark.parametrize("name", ["quick LoRA", "quick fine-tuning"])
def test_campaigns_on_images_commit_the_same_bytes_for_any_threads_shards_and_orders(
    both: tuple[Ran, Ran], name: str
) -> None:
    assert difference_of(both, name).objects == []


@pytest.mark.system
def test_campaigns_on_vectors_ask_and_train_the_same_for_any_threads_shards_and_orders(both: tuple[Ran, Ran]) -> None:
    difference = difference_of(both, "quick linear")
    assert difference.same_numbers, difference


def test_a_folder_and_s3_end_with_the_same_bytes(begin: Callable[..., Campaign], tmp_path: Path, s3_root: str) -> None:
    roots = [str(tmp_path / "campaign"), s3_root]
    for root in roots:
        campaign = begin(root, name="reproducible", budget=8)
        campaign.run_cycle()
        campaign.run_cycle()
    folder, s3 = map(committed_objects, roots)
    assert len(folder) > 10
    assert folder == s3
