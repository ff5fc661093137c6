"""What follows the commit: MLflow's record, and the sum of what the cycle took. Neither failing loses a cycle."""

import time

from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.commits import newest_commit
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.runtime.observation import emit, notice
from labelcycle.components.core.runtime.seconds_by_cycle import sum_up_cycles
from labelcycle.components.core.storage import open_store


def record_in_mlflow(root: str) -> None:
    """Sum up what each committed cycle took, and record in MLflow those that it does not have yet.

    A failure is a notice; the next cycle makes up for it. The sums are kept here, since a stage's own seconds are only
    known once it has ended.
    """
    from labelcycle.components.tracking import track_campaign

    start = time.perf_counter()
    _sum_up(root)
    try:
        recorded = track_campaign(root)
    except LabelcycleError as error:
        notice(f"MLflow has no record of this cycle yet: {error}")
        return
    emit("finished", stage="record", seconds=time.perf_counter() - start, facts={"cycles": recorded})


def _sum_up(root: str) -> None:
    """Keep the seconds of each cycle where computing has a price."""
    try:
        store = open_store(root)
        campaign = read_amended_campaign(store).campaign
        newest = newest_commit(store) if campaign.prices.computing_costs else None
    except (LabelcycleError, OSError) as error:
        notice(f"What the cycles took is not summed up: {error}")
        return
    if newest is not None:
        sum_up_cycles(store, newest.cycle + 1)
