"""What happens next, and why, in words: the first thing that the report says."""

from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.labelling import Labelling
from labelcycle.components.core.state import CycleSummary


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


def decision_words(
    campaign: Campaign, metrics: dict[str, Any], summary: CycleSummary, query_size: int
) -> DecisionWords:
    """The decision of a trained cycle.

    Args:
        campaign: the campaign.
        metrics: the cycle's `metrics.json`.
        summary: the cycle's own.
        query_size: samples that are asked for.
    """
    if summary.final:
        return DecisionWords("Done", "end", ["This is the final model, and nothing more is asked."], "")
    if (stop := metrics.get("stop")) is not None:
        return DecisionWords("Stop", "end", [f"The stop rule ended the campaign here: {stop}."], "")
    left = campaign.budget - metrics["answers"] - summary.outstanding
    if not query_size:
        reason = (
            "There is nothing left to ask for" if left > 0 else f"The budget of {campaign.budget:,} labels is spent"
        )
        return DecisionWords("Stop", "end", [f"{reason}."], "")
    reasons = [f"{_labels(left)} left of the budget, {query_size:,} of them asked for now, and {_stop_rule(campaign)}."]
    alignment = metrics.get("alignment") or {}
    if alignment.get("update"):
        reasons.insert(0, f"Features were made anew: {alignment['reason']}.")
    verb = "Update and continue" if alignment.get("update") else "Continue"
    return DecisionWords(verb, "go", reasons, _waiting(campaign.labelling, query_size))


def _labels(count: int) -> str:
    return f"{count:,} label is" if count == 1 else f"{count:,} labels are"


def _stop_rule(campaign: Campaign) -> str:
    stop = campaign.recipe.stop
    none = stop.plateau_cycles is None and stop.worth_of_a_point is None
    return "no stop rule is set" if none else "the stop rule does not hold yet"


def _waiting(labelling: Labelling, query_size: int) -> str:
    """When the next cycle begins."""
    samples = "1 sample is" if query_size == 1 else f"{query_size:,} samples are"
    wanted = "all" if labelling.share == 1 else f"{labelling.share:.0%}"
    answers = "an answer" if labelling.quorum == 1 else f"{labelling.quorum} answers"
    have = "it has" if query_size == 1 else f"{wanted} of them have"
    text = f"{samples} waiting to be labelled. The next cycle begins when {have} {answers}"
    if labelling.deadline_hours is not None:
        text += f", or {labelling.deadline_hours:g} hours after they were handed out, with the answers there are"
    return f"{text}."
