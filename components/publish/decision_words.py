"""What happens next, and why, in words: the first thing that the report says."""

from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.labelling import Labelling


@dataclass(frozen=True)
class DecisionWords:
    """The decision of a cycle.

    Attributes:
        verb: in a word or two, such as `Continue`.
        tone: `go`, or `end` where nothing more is asked.
        reasons: why, in sentences.
        waiting: what the next cycle waits for; empty where there is none.
    """

    verb: str
    tone: str
    reasons: list[str]
    waiting: str


def decision_words(campaign: Campaign, metrics: dict[str, Any], query_size: int, final: bool) -> DecisionWords:
    """The decision of a trained cycle.

    Args:
        campaign: the campaign.
        metrics: the cycle's `metrics.json`.
        query_size: samples that are asked for.
        final: whether the cycle trained the final model.
    """
    stop, answers = metrics.get("stop"), metrics["answers"]
    if final:
        return DecisionWords("Done", "end", ["This is the final model, and nothing more is asked."], "")
    if stop is not None:
        return DecisionWords("Stop", "end", [f"The stop rule ended the campaign here: {stop}."], "")
    if not query_size:
        spent = answers >= campaign.budget
        reason = f"The budget of {campaign.budget:,} labels is spent" if spent else "There is nothing left to ask for"
        return DecisionWords("Stop", "end", [f"{reason}."], "")
    alignment = metrics.get("alignment") or {}
    reasons = [
        f"{_labels(campaign.budget - answers)} of the budget {'is' if campaign.budget - answers == 1 else 'are'} "
        f"left, and {_stop_rule(campaign)}."
    ]
    if alignment.get("update"):
        reasons.insert(0, f"Features were made anew: {alignment['reason']}.")
        return DecisionWords("Update and continue", "go", reasons, _waiting(campaign.labelling, query_size))
    return DecisionWords("Continue", "go", reasons, _waiting(campaign.labelling, query_size))


def _labels(count: int) -> str:
    return f"{count:,} label{'' if count == 1 else 's'}"


def _stop_rule(campaign: Campaign) -> str:
    stop = campaign.recipe.stop
    none = stop.plateau_cycles is None and stop.worth_of_a_point is None
    return "no stop rule is set" if none else "the stop rule does not hold yet"


def _waiting(labelling: Labelling, query_size: int) -> str:
    """When the next cycle begins."""
    samples = "1 sample is" if query_size == 1 else f"{query_size:,} samples are"
    wanted = "all" if labelling.share == 1 else f"{labelling.share:.0%}"
    answers = "an answer" if labelling.quorum == 1 else f"{labelling.quorum} answers"
    verb = "has" if query_size == 1 or labelling.share < 1 else "have"
    text = f"{samples} waiting to be labelled. The next cycle begins when {wanted} of them {verb} {answers}"
    if labelling.deadline_hours is not None:
        text += f", or {labelling.deadline_hours:g} hours after they were handed out, with the answers there are"
    return f"{text}."
