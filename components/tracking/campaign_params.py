"""A campaign's settings as MLflow's params: those it began with, and for each cycle what was true of it.

MLflow never changes a param. So the campaign's run keeps the settings that it began with, a tag of it tells the
amendments, and each cycle's run has the settings that people compare cycles by, and those that an amendment changed.
"""

from collections.abc import Iterator
from typing import Any

from labelcycle.components.core.campaign.amendments import AmendedCampaign
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.config.settings import Settings

IN_WORDS = ("name", "summary", "source", "cost")
"""Of a recipe: they tell what the campaign's description has."""

OF_EVERY_CYCLE = ("recipe", "trainer.name", "selector.strategy", "backbone", "budget", "batch", "classes", "seed")


def campaign_settings(campaign: Campaign) -> dict[str, object]:
    """What sets campaigns apart, as flat names and values. Where labels come from may hold a token: it is left out."""
    left_out = (*IN_WORDS, "embedding.pooling")
    settings: dict[str, object] = {
        "recipe": campaign.recipe.name,
        **{name: value for name, value in _flat(campaign.recipe) if name not in left_out},
        "classes": len(campaign.classes),
        "budget": campaign.budget,
        "batch": campaign.batch,
        "initial": campaign.initial,
        "seed": campaign.seed,
        "price_per_label": campaign.prices.label,
        "annotators_per_label": campaign.prices.annotators_per_label,
        "price_per_cpu_hour": campaign.prices.cpu_hour,
        "price_per_gpu_hour": campaign.prices.gpu_hour,
        "base_space": campaign.base_space,
    }
    if campaign.backbone is not None:
        settings["backbone"] = campaign.backbone.name
        settings["backbone.weights_sha256"] = campaign.backbone.weights.sha256
        settings["backbone.image_size"] = campaign.backbone.transform.image_size
        settings["backbone.pooling"] = campaign.backbone.pooling
    return settings


def cycle_settings(campaign: Campaign, begun: Campaign) -> dict[str, object]:
    """Those of a cycle's run.

    Args:
        campaign: as it was for the cycle.
        begun: as it began.
    """
    now, then = campaign_settings(campaign), campaign_settings(begun)
    return {name: now[name] for name in now if name in OF_EVERY_CYCLE or now[name] != then.get(name)}


def amendments_in_words(amended: AmendedCampaign) -> str:
    """A line an amendment: from when on, what and why. Empty where there is none."""
    return "\n".join(
        f"from cycle {one.cycles} on, {one.time}: {', '.join(sorted(one.changes))}"
        + (f" ({one.reason})" if one.reason else "")
        for one in amended.amendments
    )


def _flat(settings: Settings, group: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting with the groups that it is in before its name, such as `trainer.epochs`."""
    for name, value in settings:
        if isinstance(value, Settings):
            yield from _flat(value, f"{group}{name}.")
        else:
            yield group + name, value
