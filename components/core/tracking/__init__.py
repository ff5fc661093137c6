"""MLflow: the campaign as a parent run, each cycle as a child run, models in the registry."""
