"""The train_adapter stage as a Kubeflow Pipelines component."""

from kfp import dsl

from labelcycle.components.core.runtime.kfp_component import stage


@stage
def train_adapter(root: str, cycle: int, attempt: str, model: dsl.Output[dsl.Model]) -> str:
    """Train the recipe's model on every label so far. Returns the name of the model's feature space."""
    from labelcycle.components.core.runtime.retries import with_retries
    from labelcycle.components.train_adapter.stage import run

    trained = with_retries(run)(root=root, cycle=cycle, attempt=attempt)
    model.metadata.update(trained.as_metadata())
    return trained.space
