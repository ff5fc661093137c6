"""Whose features a cycle finds in which feature space, so that features which were lost are told from those never made.

Test and validation samples have theirs in the space of every cycle that trains; see `components/embed/plan.py`.
"""

from labelcycle.components.core.attempt import Attempt


def holds_pool(work: Attempt, space: str) -> bool:
    """Whether every readable sample of the pool must have its features in a space once this cycle is embedded.

    Args:
        work: the attempt.
        space: the campaign's base space, or that of this cycle's model.
    """
    campaign = work.campaign
    if space == campaign.base_space and (campaign.backbone is None or campaign.recipe.uses_base_features):
        return True
    asks_for_more = work.decision.query_size > 0
    return asks_for_more and space == work.read_json("training.json")["space"]
