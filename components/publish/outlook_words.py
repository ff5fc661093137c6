"""Savings and forecast in words."""

from dataclasses import dataclass
from typing import Any

BOUNDS = {"": "", "≥": "at least ", "≤": "at most ", "~": "about "}


@dataclass(frozen=True)
class Target:
    """An accuracy ahead, and in words the answers and the cost that it takes."""

    accuracy: float
    answers: str
    cost: str


def saving_words(random: dict[str, Any] | None) -> list[str]:
    """What was saved against random picks, in sentences; none where these are not known."""
    if random is None:
        return []
    bound = BOUNDS[random["sign"]]
    words = [
        f"This accuracy would take {bound}{random['equivalent_labels']:,.0f} labels picked at random: "
        f"{bound}{random['ratio']:.0%} of the labels are saved."
    ]
    average = random["average"]
    if average is not None:
        words.append(f"On average over the cycles {BOUNDS[average['sign']]}{average['ratio']:.0%} are saved.")
        if average["censored_share"]:
            words.append(
                f"{average['censored_share']:.0%} of the cycles lie beyond what random picks were seen to reach."
            )
    return words


def forecast_words(forecast: dict[str, Any]) -> str:
    """Where the curve is heading, in a sentence; or why nothing can be said."""
    if forecast["reason"] is not None:
        return f"No forecast: {forecast['reason']}."
    share = f"{forecast['share']:.0%}"
    first, last = forecast["curve"][0], forecast["curve"][-1]
    if first["answers"] == last["answers"]:
        return f"The budget ends here. The curve so far heads for {forecast['ceiling']:.0%} with any number of labels."
    return (
        f"With the whole budget, {last['answers']:,} labels for {last['cost']:,.2f}, the accuracy is expected to be "
        f"{last['accuracy']:.1%}, and between {last['low']:.1%} and {last['high']:.1%} in {share} of like cases."
    )


def forecast_targets(forecast: dict[str, Any]) -> list[Target]:
    """The next accuracies with what they take; none where there is no forecast."""
    return [
        Target(target["accuracy"], _range(target, "", ",.0f"), _range(target, "_cost", ",.2f"))
        for target in forecast.get("targets", [])
    ]


def _range(target: dict[str, Any], suffix: str, form: str) -> str:
    likely, low, high = (target[name] for name in (f"answers{suffix}", f"low{suffix}", f"high{suffix}"))
    if low is None:
        return "out of reach"
    least = format(low, form)
    if likely is None:
        return f"at least {least}"
    return f"{format(likely, form)} ({least} " + ("or more)" if high is None else f"to {format(high, form)})")
