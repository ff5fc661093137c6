"""The digests by which a campaign names its objects: those of its description and its commits."""

from collections.abc import Iterator

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.commits import Commit
from labelcycle.components.core.objects import ObjectReference

Named = dict[str, set[str]]
"""SHA-256 by key; more than one where two that name the object disagree."""


def named_objects(campaign: Campaign, commits: list[Commit]) -> Named:
    """Every object that the campaign refers to."""
    named: Named = {}
    for reference in _references(campaign, commits):
        named.setdefault(reference.key, set()).add(reference.sha256)
    return named


def _references(campaign: Campaign, commits: list[Commit]) -> Iterator[ObjectReference]:
    yield from (campaign.pool, campaign.truth, campaign.quarantine)
    if campaign.backbone is not None:
        yield campaign.backbone.weights
    if campaign.text_encoder is not None:
        yield from campaign.text_encoder.files.values()
    for commit in commits:
        yield from commit.objects.values()
