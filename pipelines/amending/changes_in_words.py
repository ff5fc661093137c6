"""What an amendment changes, in words, for the command that makes it and for the campaign's status."""

from collections.abc import Iterator, Mapping
from typing import Any

from labelcycle.components.core.campaign.amendments import AmendedCampaign
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.config.notify import Notify
from labelcycle.pipelines.amending.class_names import classes_in_words

NOT_TOLD = {"summary", "source", "cost"}
"""Texts of a recipe, which follow its name."""

TITLES = {"budget": "budget", "batch": "batch", "watch_images": "watched for new images"}
"""What each setting is called."""

PRICES = {
    "label": "price of an annotation",
    "annotators_per_label": "annotations paid for a label",
    "cpu_hour": "price of a CPU hour",
    "gpu_hour": "price of a GPU hour",
}
"""What each price is called."""

LONGEST = 60
"""Characters of a value."""


def changes_in_words(before: Campaign, after: Campaign) -> list[str]:
    """A line for each setting that differs, by its name and both values."""
    told = [(title, getattr(before, name), getattr(after, name)) for name, title in TITLES.items()]
    lines = [
        f"{title}: {'–' if old is None else old} → {'–' if new is None else new}"
        for title, old, new in told
        if old != new
    ]
    lines += classes_in_words(before, after)
    for name, title in PRICES.items():
        old, new = getattr(before.prices, name), getattr(after.prices, name)
        if old != new:
            lines.append(f"{title}: {old:g} → {new:g}")
    old_recipe, new_recipe = (dict(_flat(each.recipe.model_dump(mode="json"))) for each in (before, after))
    for name in [*old_recipe, *(new_recipe.keys() - old_recipe.keys())]:
        old, new = old_recipe.get(name), new_recipe.get(name)
        if old != new and name not in NOT_TOLD:
            lines.append(f"recipe {name}: {_short(old)} → {_short(new)}")
    if before.notify != after.notify:
        lines.append(f"notify: {_told(before.notify)} → {_told(after.notify)}")
    return lines


def _told(notify: Notify | None) -> str:
    """Who is told, in words."""
    if notify is None:
        return "nobody"
    return " and ".join((["a webhook"] if notify.webhook else []) + ([] if notify.email is None else notify.email.to))


def counts_in_words(counts: Mapping[str, int]) -> list[str]:
    """A line for each number of samples that an amendment concerns."""
    return [f"samples {what}: {count:,}" for what, count in counts.items()]


def history_in_words(amended: AmendedCampaign) -> list[str]:
    """A line for each amendment: what it changed, when, who asked for it and why."""
    lines, before = [], amended.begun
    for amendment in amended.amendments:
        after = amended.as_of(amendment.reference)
        why = f": {amendment.reason}" if amendment.reason else ""
        what = "; ".join([*changes_in_words(before, after), *counts_in_words(amendment.counts)])
        cycles = f"{amendment.cycles} cycle{'' if amendment.cycles == 1 else 's'}"
        lines.append(f"after {cycles}, {amendment.time}, {amendment.by}{why} ({what})")
        before = after
    return lines


def _flat(settings: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{group}{name}.")
        else:
            yield group + name, value


def _short(value: object) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
