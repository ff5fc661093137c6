"""Picks for the classes with the fewest labels."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage.tables import QUERY, table_in, with_schema
from labelcycle.components.select import Candidates, Constraints, Selection, select_batch
from labelcycle.components.select.rare_classes import shared_out

RARE = 2
HALF = Constraints(rare_classes=0.5)


def pool(rare: int = 5, unlabelled: tuple[int, ...] = ()) -> Candidates:
    """Three classes along axes: 30, 30 and `rare` candidates; 9, 8 and 1 labelled samples but for some classes."""
    generator = np.random.default_rng(0)
    classes = np.repeat([0, 1, RARE], [30, 30, rare])
    sizes = [0 if number in unlabelled else size for number, size in enumerate((9, 8, 1))]
    labelled = np.repeat(np.arange(3), sizes)
    probs = np.full((len(classes), 3), 0.1) + 0.7 * np.eye(3)[classes]
    return Candidates(
        ids=np.array([f"{number}-{row:02d}" for row, number in enumerate(classes)]),
        features=(5 * np.eye(3, 6)[classes] + generator.normal(size=(len(classes), 6))).astype(np.float32),
        probs=probs.astype(np.float32),
        labelled_ids=np.array([f"labelled {row}" for row in range(len(labelled))]),
        labelled_features=(5 * np.eye(3, 6)[labelled] + generator.normal(size=(len(labelled), 6))).astype(np.float32),
        labelled_classes=labelled,
    )  # fmt: skip


def of_class(picks: Selection, number: int) -> int:
    return sum(name.startswith(f"{number}-") for name in picks.ids.tolist())


@pytest.mark.parametrize(
    ("counts", "picks", "shares"),
    [
        ([9, 8, 1], 4, [0, 0, 4]),
        ([9, 8, 1], 9, [0, 1, 8]),
        ([3, 3, 3], 6, [2, 2, 2]),
        ([5, 0, 5], 6, [2, 2, 2]),
        ([5, 0, 5], 2, [1, 1, 0]),
        ([0, 0], 4, [2, 2]),
        ([4, 1], 0, [0, 0]),
    ],
)
def test_picks_go_to_the_classes_with_the_fewest_labels(counts: list[int], picks: int, shares: list[int]) -> None:
    assert shared_out(np.array(counts), picks).tolist() == shares


@pytest.mark.parametrize("strategy", ["random", "margin", "uherding", "coreset"])
def test_half_of_the_query_is_for_the_rare_class(strategy: str) -> None:
    picks = select_batch(strategy, pool(), 8, 0, constraints=HALF)
    assert len(set(picks.ids.tolist())) == 8 and of_class(picks, RARE) >= 4
    assert all(reason.startswith("for a class with 1 label; ") for reason in picks.reasons[:4])
    assert not any(reason.startswith("for a class") for reason in picks.reasons[4:])


def test_where_candidates_run_out_the_strategy_gets_the_rest() -> None:
    picks = select_batch("margin", pool(rare=2), 10, 0, constraints=Constraints(rare_classes=1.0))
    assert len(set(picks.ids.tolist())) == 10 and of_class(picks, RARE) == 2


def test_within_a_class_the_strategy_chooses() -> None:
    candidates = pool()
    probs = candidates.probs.copy()
    probs[-1] = [0.3, 0.3, 0.4]
    picks = select_batch("margin", replace(candidates, probs=probs), 2, 0, constraints=HALF)
    assert picks.ids[0] == candidates.ids[-1]


def test_classes_without_labels_are_looked_for_far_from_all_others() -> None:
    """The model never predicts them."""
    candidates = pool(unlabelled=(RARE,))
    never = np.where(np.arange(3) == RARE, 0, candidates.probs)
    never /= never.sum(axis=1, keepdims=True)
    picks = select_batch("margin", replace(candidates, probs=never), 12, 0, constraints=HALF)
    novel = [reason.startswith("for classes without labels; ") for reason in picks.reasons]
    assert sum(novel) == 2
    assert picks.ids[novel][0].startswith(f"{RARE}-")


def test_the_order_of_rows_does_not_matter() -> None:
    candidates = pool(unlabelled=(1,))
    order = np.random.default_rng(1).permutation(len(candidates))
    shuffled = replace(
        candidates, ids=candidates.ids[order], features=candidates.features[order], probs=candidates.probs[order]
    )
    expected = select_batch("uherding", candidates, 12, 0, constraints=HALF)
    assert select_batch("uherding", shuffled, 12, 0, constraints=HALF).ids.tolist() == expected.ids.tolist()


def test_it_holds_together_with_the_other_constraints() -> None:
    candidates = pool()
    rare = [name for name in candidates.ids.tolist() if name.startswith(f"{RARE}-")]
    limits = Constraints(rare_classes=0.5, explore=0.25, exclude=rare[:4], include=["0-00"])
    picks = select_batch("margin", candidates, 8, 0, constraints=limits)
    assert len(set(picks.ids.tolist())) == 8 and picks.ids[0] == "0-00" and picks.explored.sum() == 2
    assert not set(rare[:4]) & set(picks.ids.tolist()) and rare[4] in picks.ids.tolist()


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match="labelled_classes"):
        select_batch("random", replace(pool(), labelled_classes=None), 4, 0, constraints=HALF)
    with pytest.raises(ConfigurationError, match="share of the query"):
        Constraints(rare_classes=1.5)


def test_a_campaign_gives_its_share_to_rare_classes(begin: Callable[..., Any]) -> None:
    campaign = begin(overrides={"selector.rare_classes": 0.5}, recipe="uherding")
    campaign.run_cycle()
    campaign.run_until("select")
    table = with_schema(table_in(campaign.work.read("query.parquet")), QUERY)
    assert sum(reason.startswith("for ") for reason in table["reason"].to_pylist()) == 4
