"""What happens next, and why."""

import dataclasses
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.config.labelling import Labelling
from labelcycle.components.core.config.recipe import Alignment, Stop
from labelcycle.components.publish.report_text import DecisionWords, decision_words
from tests.cycle_records import cycle_metrics

SUMMARY = CycleSummary(
    cycle=2, labels=80, answers=80, accuracy=0.7, macro_f1=0.7, ece=0.1, space="space", query_size=40
)


class Recipe:
    stop = Stop()
    alignment: Alignment | None = None


class Described:
    """The little of a campaign that is looked at."""

    def __init__(self, stop: Stop | None = None, **labelling: Any) -> None:
        self.budget = 400
        self.recipe = Recipe()
        self.recipe.stop = stop or Stop()
        self.labelling = Labelling(**labelling)


def decided(described: Described | None = None, asked: int = 40, **metrics: Any) -> DecisionWords:
    summary = dataclasses.replace(SUMMARY, outstanding=metrics.pop("outstanding", 0), final=metrics.pop("final", False))
    campaign: Campaign = described or Described()  # type: ignore[assignment]
    return decision_words(campaign, cycle_metrics(**{"answers": 80, **metrics}), summary, asked)


def test_to_continue() -> None:
    found = decided()
    assert (found.verb, found.tone) == ("Continue", "go")
    assert found.reasons == ["320 labels are left of the budget, 40 of them asked for now, and no stop rule is set."]
    assert (
        found.waiting == "40 samples are waiting to be labelled. The next cycle begins when all of them have an answer."
    )


def test_samples_that_are_still_out_count_as_asked() -> None:
    assert decided(outstanding=20).reasons[0].startswith("300 labels are left")


def test_a_stop_rule_that_does_not_hold() -> None:
    assert "the stop rule does not hold yet" in decided(Described(Stop(plateau_cycles=3))).reasons[0]


def test_quorum_share_and_deadline_are_told() -> None:
    waiting = decided(Described(quorum=2, share=0.8, deadline_hours=48)).waiting
    assert "when 80% of them have 2 answers, or 48 hours after they were delivered" in waiting


def test_features_that_were_made_anew() -> None:
    quantities = {"mode": "absolute", "threshold": 1.0, "updates": 1, "labelled": 80, "width": 16}
    found = decided(alignment={"update": True, "reason": "little changed", **quantities})
    assert found.verb == "Update and continue"
    assert found.reasons[0] == "Features were recomputed: little changed."
    described = Described()
    described.recipe.alignment = Alignment(feature_alignment=False)
    switched = decided(described, alignment={"update": True, "reason": "little changed", **quantities})
    assert switched.verb == "Continue" and "trained by final.aligned: little changed" in switched.reasons[0]
    assert decided(alignment={"update": False, "reason": "much changed", **quantities}).verb == "Continue"


@pytest.mark.parametrize(
    ("settings", "verb", "reason"),
    [
        ({"stop": "a plateau"}, "Stop", "The stop rule ended the campaign here: a plateau."),
        ({"answers": 400}, "Stop", "The budget of 400 labels is spent."),
        ({"answers": 390, "outstanding": 10}, "Stop", "The budget of 400 labels is spent."),
        ({}, "Stop", "There is nothing left to ask for."),
        ({"final": True}, "Done", "This is the final model, and nothing more is asked."),
    ],
)
def test_to_end(settings: dict[str, Any], verb: str, reason: str) -> None:
    found = decided(asked=0, **settings)
    assert (found.verb, found.tone, found.reasons, found.waiting) == (verb, "end", [reason], "")


def test_one_sample_in_the_singular() -> None:
    assert decided(asked=1).waiting.startswith("1 sample is waiting to be labelled")
    assert decided(asked=1, answers=399).reasons[0].startswith("1 label is left")
