"""Features of the test samples and of the labelled ones: from which space, and in how many passes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.components.evaluate.test_features import read_features
from tests.cycle_records import training_facts


@pytest.fixture
def work(tmp_path: Any) -> Callable[..., Any]:
    """A function: ids in the base space and in a tuned one → the little of an attempt that is looked at.

    Values of the two spaces tell them apart. `own` is the cycle's space.
    """

    def made(base: str, tuned: str, own: str = "tuned", uses_base: bool = True, query_size: int = 5) -> Any:
        store = open_store(str(tmp_path))
        for value, (space, ids) in enumerate((("base", base), ("tuned", tuned))):
            if ids:
                FeatureSpace(store, space).add(list(ids), np.full((len(ids), 2), value, np.float16))
        recipe = SimpleNamespace(uses_base_features=uses_base)
        return SimpleNamespace(
            store=store,
            campaign=SimpleNamespace(base_space="base", backbone="a network", recipe=recipe),
            decision=SimpleNamespace(query_size=query_size),
            read_record=lambda name, kind: training_facts(space=own),
        )

    return made


def test_one_pass_where_both_are_in_the_same_space(work: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    read = FeatureSpace.read_together
    monkeypatch.setattr(FeatureSpace, "read_together", lambda self, ids: passes.append(self.name) or read(self, ids))
    test, labelled = read_features(work("abcdxyz", "", own="base"), "base", ["x", "y"], ["c", "a"])
    assert passes == ["base"]
    assert labelled is not None
    assert (test.ids, labelled.ids) == (["x", "y"], ["a", "c"])
    assert test.vectors.shape == labelled.vectors.shape == (2, 2)


def test_labelled_samples_are_read_as_the_backbone_comes(work: Callable[..., Any]) -> None:
    test, labelled = read_features(work("abxy", "abxy"), "tuned", ["x"], ["a"])
    assert labelled is not None
    assert (test.vectors.tolist(), labelled.vectors.tolist()) == ([[1.0, 1.0]], [[0.0, 0.0]])


def test_without_base_features_they_are_those_of_the_cycle(work: Callable[..., Any]) -> None:
    _, labelled = read_features(work("", "abxy", uses_base=False), "tuned", ["x"], ["a"])
    assert labelled is not None and labelled.vectors.tolist() == [[1.0, 1.0]]


def test_where_no_space_holds_the_pool_labelled_samples_have_none(work: Callable[..., Any]) -> None:
    test, labelled = read_features(work("", "xy", uses_base=False, query_size=0), "tuned", ["x", "y"], ["a"])
    assert test.ids == ["x", "y"] and labelled is None


@pytest.mark.parametrize(
    ("base", "tuned", "uses_base"), [("ab", "ab", True), ("b", "abx", True), ("", "bx", False)], ids=str
)
def test_features_that_were_lost_are_missed(work: Callable[..., Any], base: str, tuned: str, uses_base: bool) -> None:
    with pytest.raises(CampaignError, match="have no features"):
        read_features(work(base, tuned, uses_base=uses_base), "tuned", ["x"], ["a"])
