"""Recording in MLflow after the commit: a record that fails is told and made up for later, never a lost cycle."""

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.observation import notice


def record_in_mlflow(root: str) -> None:
    """Record every committed cycle that MLflow does not have yet; a failure is a notice.

    The next cycle records what this one could not.
    """
    from labelcycle.components.core.tracking import track_campaign

    try:
        track_campaign(root)
    except LabelcycleError as error:
        notice(f"MLflow has no record of this cycle yet: {error}")
