"""Whether a campaign can run at a place, looked at before the first run: store, MLflow, machine, cluster, engine."""
