"""Features of the test samples and of the labelled ones: from which space, and in how many passes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.components.evaluate.features import read_features


@dataclass
class Campaign:
    base_space: str = "base"


class Work:
    """The little of an attempt that is looked at, with two feature spaces whose values tell them apart."""

    def __init__(self, root: str, base: str, tuned: str) -> None:
        self.store = open_store(root)
        self.campaign = Campaign()
        for value, (space, ids) in enumerate((("base", base), ("tuned", tuned))):
            if ids:
                FeatureSpace(self.store, space).add(list(ids), np.full((len(ids), 2), value, np.float16))


@pytest.fixture
def work(tmp_path: Any) -> Callable[[str, str], Any]:
    return lambda base, tuned: Work(str(tmp_path), base, tuned)


def test_one_pass_where_both_are_in_the_same_space(work: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    read = FeatureSpace.read
    monkeypatch.setattr(FeatureSpace, "read", lambda self, ids: passes.append(self.name) or read(self, ids))
    test, labelled = read_features(work("abcdxyz", ""), "base", ["x", "y"], ["c", "a"])
    assert passes == ["base"]
    assert labelled is not None
    assert (test.ids, labelled.ids) == (["x", "y"], ["a", "c"])
    assert test.vectors.shape == labelled.vectors.shape == (2, 2)


def test_labelled_samples_are_read_as_the_backbone_comes(work: Callable[..., Any]) -> None:
    test, labelled = read_features(work("abxy", "abxy"), "tuned", ["x"], ["a"])
    assert labelled is not None
    assert (test.vectors.tolist(), labelled.vectors.tolist()) == ([[1.0, 1.0]], [[0.0, 0.0]])


def test_without_base_features_they_are_those_of_the_cycle(work: Callable[..., Any]) -> None:
    _, labelled = read_features(work("", "abxy"), "tuned", ["x"], ["a"])
    assert labelled is not None and labelled.vectors.tolist() == [[1.0, 1.0]]


def test_labelled_samples_without_features_are_none(work: Callable[..., Any]) -> None:
    for space in ("base", "tuned"):
        test, labelled = read_features(work("xy", "xy"), space, ["x", "y"], ["a"])
        assert test.ids == ["x", "y"] and labelled is None


def test_test_samples_without_features_are_refused(work: Callable[..., Any]) -> None:
    with pytest.raises(CampaignError, match="have no features"):
        read_features(work("ab", "abx"), "base", ["x"], ["a"])
