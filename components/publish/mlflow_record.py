"""Recording in MLflow after the commit: a record that fails is reported and made up for later, never a lost cycle."""

import time

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.runtime.observation import emit, notice


def record_in_mlflow(root: str) -> None:
    """Record every committed cycle that MLflow does not have yet; a failure is a notice.

    The next cycle records what this one could not.
    """
    from labelcycle.components.tracking import track_campaign

    start = time.perf_counter()
    try:
        recorded = track_campaign(root)
    except LabelcycleError as error:
        notice(f"MLflow has no record of this cycle yet: {error}")
        return
    emit("finished", stage="record", seconds=time.perf_counter() - start, facts={"cycles": recorded})
