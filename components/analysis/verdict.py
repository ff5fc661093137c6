"""The verdict on a trained cycle: is the model good enough, what to do next, and what more labels would bring.

Report and `labelcycle status` say it in these words. `ROOT` stands for the campaign's root, which a page does not know.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from labelcycle.components.analysis.intervals import ROUNDING, wilson_interval
from labelcycle.components.analysis.next_commands import NextCommand, commands_of_an_end
from labelcycle.components.analysis.stop import METRICS
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.cycle_metrics import (
    AccuracyForecast,
    CycleMetrics,
    ExpectedGain,
    NeededAnswers,
    NoForecast,
)
from labelcycle.components.core.campaign.estimate import CROSS_VALIDATED, TOO_LOW, AccuracyEstimate
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.config.labelling import Labelling

Answer = Literal["yes", "perhaps", "no", "no_target", "not_measured"]
"""Whether the model is good enough. `perhaps`: it reaches the target, and chance may have helped."""

ANSWERS: dict[Answer, str] = {
    "yes": "Good enough",
    "perhaps": "Good enough on this test set",
    "no": "Not good enough yet",
    "no_target": "",
    "not_measured": "Not measured yet",
}

MOST_DOUBTED = 0.1
"""From this share of labels that a calibrated model is sure are wrong, they come before new ones. Of labels that were
all right, but of hard samples, it was sure of 1 in 30."""

ROOT = "ROOT"

LITTLE = 0.005
"""A gain whose range ends below this is little."""


@dataclass(frozen=True)
class Verdict:
    """The verdict.

    Attributes:
        answer: whether the model is good enough.
        verb: what happens next in a word or two, such as `Continue`.
        tone: `go`, or `end` where nothing more is asked.
        quality: the answer with its figures, in a sentence.
        more: what more labels would bring, or why that cannot be said; empty where nothing is to be said.
        reasons: why that comes next, and what people should do, in sentences.
        waiting: what the next cycle waits for; empty where there is none.
        gain: the figures behind `more`; None where there are none.
        commands: how to use the model; none while the campaign goes on.
    """

    answer: Answer
    verb: str
    tone: Literal["go", "end"]
    quality: str
    more: str
    reasons: list[str]
    waiting: str = ""
    gain: ExpectedGain | None = None
    commands: list[NextCommand] = field(default_factory=list)

    @property
    def headline(self) -> str:
        """Answer and verb together."""
        answer = ANSWERS[self.answer].removesuffix(" yet") if self.verb == "Done" else ANSWERS[self.answer]
        return f"{answer}: {self.verb[0].lower()}{self.verb[1:]}" if answer else self.verb

    def at(self, root: str) -> "Verdict":
        """The same with a campaign's root in place of `ROOT`, as a shell takes it."""
        return replace(
            self,
            quality=self.quality.replace(ROOT, root),
            reasons=[reason.replace(ROOT, root) for reason in self.reasons],
            commands=[replace(command, line=command.line.replace(ROOT, root)) for command in self.commands],
        )

    def as_facts(self) -> dict[str, object]:
        """Plain values for machines."""
        gain = None if self.gain is None else self.gain.as_json()
        return {**asdict(self), "headline": self.headline, "gain": gain}


def verdict_of(
    campaign: Campaign, metrics: CycleMetrics, summary: CycleSummary, query_size: int, amended: bool = False
) -> Verdict:
    """The verdict on a trained cycle.

    Args:
        campaign: as it is for the cycle, or now.
        metrics: the cycle's.
        summary: the cycle's own.
        query_size: samples that are asked for.
        amended: whether the campaign goes on, though nothing is asked for, because it was amended since.
    """
    answer, quality = _quality(campaign, metrics)
    gain, more = (None, "") if summary.final else _more(metrics.forecast)
    verb, reasons = _next(campaign, metrics, summary, query_size, amended)
    goes_on = amended or query_size > 0
    doubted = _surely_wrong(metrics)
    if doubted:
        labels = "1 label looks" if doubted == 1 else f"{doubted:,} labels look"
        reasons.append(f"{labels} wrong to a calibrated model: look at the label suspects again.")
    if goes_on and doubted and metrics.label_suspects and doubted >= MOST_DOUBTED * metrics.label_suspects.judged:
        verb = f"Check labels, then {verb[0].lower()}{verb[1:]}"
    if goes_on and gain is not None and gain.high < LITTLE:
        reasons.append("More labels of this kind bring little: another backbone or recipe may bring more.")
    if answer == "no":
        reasons += _road_to_target(campaign, metrics, goes_on)
    return Verdict(
        answer=answer,
        verb=verb,
        tone="go" if goes_on else "end",
        quality=quality,
        more=more,
        reasons=reasons,
        waiting=_waiting(campaign.labelling, query_size) if query_size else "",
        gain=gain,
        commands=[] if goes_on else commands_of_an_end(campaign, summary.final),
    )


def _quality(campaign: Campaign, metrics: CycleMetrics) -> tuple[Answer, str]:
    """Whether the model is good enough, and the sentence that says so."""
    stop = campaign.recipe.stop
    value = metrics.accuracy if stop.metric == "accuracy" else metrics.macro_f1
    if value is None or not metrics.test_samples:
        return "not_measured", _without_a_test(metrics)
    said, low, high = f"{METRICS[stop.metric]} is {value:.1%}", value, value
    if stop.metric == "accuracy":
        low, high = wilson_interval(round(value * metrics.test_samples), metrics.test_samples)
        said += f" ({low:.1%} to {high:.1%} in 95 of 100 cases, from {metrics.test_samples:,} test samples)"
    if stop.target is None:
        return "no_target", (
            f"The {said}. Whether that is good enough is for you to say: no target is set. "
            "labelcycle amend ROOT --set stop.target=0.95 sets one."
        )
    target = f"{stop.target:.1%}"
    if value < stop.target - ROUNDING:
        near = ". So few test samples leave open whether it is reached" if high >= stop.target else ""
        return "no", f"The {said}, and the target is {target}{near}."
    if low < stop.target - ROUNDING:
        return "perhaps", f"The {said}: it reaches the target of {target}, though chance may have helped."
    return "yes", f"The {said}: it reaches the target of {target}."


def _without_a_test(metrics: CycleMetrics) -> str:
    found = metrics.estimate
    if not isinstance(found, AccuracyEstimate):
        return "How good the model is is not known: there are no samples to test with."
    hard = f", {TOO_LOW}" if found.chosen else ""
    return (
        f"How good the model is is not known: there are no samples to test with. The {CROSS_VALIDATED} is "
        f"{found.accuracy:.1%} ({found.low:.1%} to {found.high:.1%}){hard}."
    )


def _more(forecast: AccuracyForecast | NoForecast | None) -> tuple[ExpectedGain | None, str]:
    """What more labels would bring: the figures, and a sentence."""
    if forecast is None:
        return None, ""
    if isinstance(forecast, NoForecast):
        return None, f"What more labels would bring cannot be said: {forecast.reason}."
    gain = forecast.more
    if gain is None:
        unsaid = "What 100 more labels would bring cannot be said: that is too far ahead of the labels so far."
        return None, unsaid if "more" in forecast.model_fields_set else ""
    price = f", for {gain.cost:,.2f}," if gain.cost else ""
    return gain, (
        f"{gain.answers:,} more labels{price} are expected to change the accuracy by {_points(gain.gain)} points "
        f"(from {_points(gain.low)} to {_points(gain.high)} in {forecast.share:.0%} of like cases)."
    )


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _next(
    campaign: Campaign, metrics: CycleMetrics, summary: CycleSummary, query_size: int, amended: bool
) -> tuple[str, list[str]]:
    """The verb, and why."""
    if summary.final:
        return "Done", ["This is the final model, and nothing more is asked."]
    if amended:
        return "Continue", ["The campaign was amended: the next run asks for more labels."]
    if metrics.stop is not None:
        return "Stop", [f"The stop rule ended the campaign here: {metrics.stop}."]
    left = campaign.budget - metrics.answers - summary.outstanding
    if not query_size:
        spent = f"The budget of {campaign.budget:,} labels is spent"
        return "Stop", ["There is nothing left to ask for." if left > 0 else f"{spent}."]
    reasons = [f"{_labels(left)} left of the budget, {query_size:,} of them asked for now, and {_stop_rule(campaign)}."]
    if metrics.alignment is not None and metrics.alignment.update:
        aligned = campaign.recipe.alignment
        if aligned is not None and not aligned.feature_alignment:
            switched = f"From here on the final model is trained by final.aligned: {metrics.alignment.reason}."
            return "Continue", [switched, *reasons]
        return "Update and continue", [f"Features were recomputed: {metrics.alignment.reason}.", *reasons]
    return "Continue", reasons


def _labels(count: int) -> str:
    return f"{count:,} label is" if count == 1 else f"{count:,} labels are"


def _stop_rule(campaign: Campaign) -> str:
    return "the stop rule does not hold yet" if campaign.recipe.stop.is_set else "no stop rule is set"


def _surely_wrong(metrics: CycleMetrics) -> int:
    """Labels that a calibrated model is sure are wrong, of those listed."""
    return 0 if metrics.label_suspects is None else sum(row.is_sure for row in metrics.label_suspects.rows)


def _road_to_target(campaign: Campaign, metrics: CycleMetrics, goes_on: bool) -> list[str]:
    """What the target takes by the forecast, and how to go on where the campaign has ended before it."""
    needed = _needed_for(campaign, metrics.forecast)
    if needed is None:
        return []
    if needed.low is None:
        return ["By the forecast no number of labels that can be told reaches the target."]
    most = "or more" if needed.high is None else f"to {needed.high:,}"
    likely = (
        f"{needed.answers:,} labels in all ({needed.low:,} {most})" if needed.answers else f"{needed.low:,} or more"
    )
    words = f"By the forecast the target takes {likely}"
    within = needed.answers is not None and needed.answers <= campaign.budget
    if within:
        return [f"{words}, which the budget of {campaign.budget:,} has."] if goes_on else [f"{words}."]
    wanted = needed.answers or needed.low
    return [f"{words}; the budget is {campaign.budget:,}. labelcycle amend ROOT --budget {wanted} raises it."]


def _needed_for(campaign: Campaign, forecast: AccuracyForecast | NoForecast | None) -> NeededAnswers | None:
    stop = campaign.recipe.stop
    if not isinstance(forecast, AccuracyForecast) or stop.metric != "accuracy":
        return None
    return next((needed for needed in forecast.targets if needed.accuracy == stop.target), None)


def _waiting(labelling: Labelling, query_size: int) -> str:
    """When the next cycle begins."""
    samples = "1 sample is" if query_size == 1 else f"{query_size:,} samples are"
    wanted = "all" if labelling.share == 1 else f"{labelling.share:.0%}"
    answers = "an answer" if labelling.quorum == 1 else f"{labelling.quorum} answers"
    have = "it has" if query_size == 1 else f"{wanted} of them have"
    text = f"{samples} waiting to be labelled. The next cycle begins when {have} {answers}"
    if labelling.deadline_hours is not None:
        text += f", or {labelling.deadline_hours:g} hours after they were delivered, with the answers there are"
    return f"{text}."
