"""What the loops of a data selection have selected so far, with the classes that are known of the whole pool."""

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.pool import load_truth


def selected_so_far(work: Attempt) -> dict[str, str]:
    """Class by id of every sample that a loop before this cycle's query has selected, sorted by id.

    The samples that this cycle trains on are among them. Cost: that of all queries so far, and of the pool's labels.
    """
    truth = load_truth(work.store, work.campaign)
    selected = set(work.requests()["sample_id"].to_pylist())
    return {name: truth[name] for name in sorted(selected & truth.keys())}
