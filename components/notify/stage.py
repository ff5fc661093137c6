"""The notify stage: tell people that a cycle failed. Engines run it where a run has ended without success."""

from dataclasses import dataclass

from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.runtime.observation import observed
from labelcycle.components.notification.occasions import tell_of_failure


@dataclass(frozen=True)
class Notified(Facts):
    """Whether somebody was told by this run."""

    told: bool


@observed
def run(root: str, failure: str = "") -> Notified:
    """Tell of a failed cycle, where the campaign's settings say whom; at most once a cycle.

    Args:
        root: the campaign's folder or S3 prefix.
        failure: what failed, in words; empty to look whether a cycle was begun that is not committed.

    Cost: a listing and a few small reads; 20 seconds at most where a receiver hangs.
    """
    return Notified(told=tell_of_failure(root, failure))
