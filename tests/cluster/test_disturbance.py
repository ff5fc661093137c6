"""A run of faults goes on where one before it has ended; this needs no cluster."""

from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.disturbance import FAULTS, Progress, kind_of


def test_each_kind_comes_once_before_any_comes_again() -> None:
    for turn in range(3):
        places = range(turn * len(FAULTS), (turn + 1) * len(FAULTS))
        assert Counter(kind_of(4, number) for number in places) == dict.fromkeys(FAULTS, 1)
    assert [kind_of(4, number) for number in range(9)] != [kind_of(5, number) for number in range(9)]


def test_a_later_run_goes_on_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    Progress.read(file, 3).keep(faults=len(FAULTS) + 1, campaigns=2)
    found = Progress.read(file, 3)
    assert (found.faults, found.campaigns) == (len(FAULTS) + 1, 2)
    assert sorted(found.counts().values()) == [1] * (len(FAULTS) - 1) + [2]
    with pytest.raises(AssertionError, match="SEED=3"):
        Progress.read(file, 4)


def test_without_a_file_it_begins_anew() -> None:
    progress = Progress.read(None, 3)
    progress.keep(faults=1, campaigns=1)
    assert Progress.read(None, 3).faults == 0
