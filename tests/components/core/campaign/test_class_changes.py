"""What earlier heads and votes say once classes were renamed, merged or added, and what labels cost by then."""

from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.campaign import Campaign, Prices, validated_campaign
from labelcycle.components.core.campaign.class_changes import probabilities_now, rows_now
from labelcycle.components.core.campaign.price_history import price_history
from labelcycle.components.core.campaign.votes import Vote, under_present_names
from labelcycle.components.core.errors import ConfigurationError

BEFORE = ["cat", "dog", "owl"]


@pytest.fixture
def amended(campaign_settings: dict[str, Any]) -> Campaign:
    """A campaign of cats, dogs and owls of which two are one now, and which has bats too."""
    campaign = validated_campaign(**campaign_settings | {"classes": BEFORE})
    return campaign.amended({"classes": ["owl", "pet", "bat"], "former_classes": {"cat": "pet", "dog": "pet"}})


def test_a_merged_class_has_the_sum_and_a_new_one_nothing(amended: Campaign) -> None:
    before = np.array([[0.5, 0.25, 0.25], [0.25, 0.125, 0.625]], np.float32)
    assert probabilities_now(before, BEFORE, amended).tolist() == [[0.25, 0.75, 0.0], [0.625, 0.375, 0.0]]
    assert probabilities_now(before, amended.classes, amended) is before


def test_the_rows_of_a_head(amended: Campaign) -> None:
    assert rows_now(np.array([1.0, 3.0, 5.0], np.float32), BEFORE, amended).tolist() == [5.0, 2.0, 3.0]


def test_votes_keep_all_but_the_name(amended: Campaign) -> None:
    votes = [Vote("a", "ann", "cat", "ok", "now", "file"), Vote("b", "", None, "skip", "", "file")]
    found = under_present_names(votes, amended.former_classes)
    assert found == [Vote("a", "ann", "pet", "ok", "now", "file"), votes[1]]


def test_what_was_added(amended: Campaign) -> None:
    assert amended.added_classes == ["bat"]
    assert amended.amended({"classes": ["owl", "pet", "bat", "fox"]}).added_classes == ["bat", "fox"]


@pytest.mark.parametrize("former", [{"cat": "dog"}, {"fox": "wolf"}])
def test_names_that_contradict_the_classes(campaign_settings: dict[str, Any], former: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="cannot count as"):
        validated_campaign(**campaign_settings | {"classes": BEFORE, "former_classes": former})


def test_answers_are_paid_at_the_prices_of_their_cycle() -> None:
    cheap, dear = Prices(label=1.0), Prices(label=2.0, annotators_per_label=3)
    history = price_history([cheap, cheap, dear], [0, 10, 15], dear)
    assert [history.of_labels(count) for count in (0, 4, 10, 11, 15, 20)] == [0, 4, 10, 16, 40, 70]
    assert price_history([], [], cheap).of_labels(7) == 7


def test_answers_that_were_taken_back() -> None:
    cheap, dear, free = Prices(label=1.0), Prices(label=2.0), Prices(label=0.0)
    history = price_history([cheap, dear, dear], [10, 12, 8], free)
    assert [history.of_labels(count) for count in (8, 10, 14)] == [8, 8, 8]
