"""MLflow: the campaign as a parent run, each cycle as a child run, models in the registry.

Importing this package does not import mlflow, which takes seconds; calling `track_campaign` does.
"""

from labelcycle.components.tracking.campaign_runs import track_campaign

__all__ = ["track_campaign"]
