"""How a pipeline asks for what its tasks' pods need, without knowing what that is."""

from typing import Protocol

from kfp import dsl


class PlacePod(Protocol):
    """Asks the platform for what the pod of a stage's task needs."""

    def __call__(
        self,
        task: dsl.PipelineTask,
        stage: str,
        *,
        storage_secret: str,
        settings_map: str,
        tracking_secret: str = "",
        labelling_secret: str = "",
        notification_secret: str = "",
    ) -> None:
        """Ask, by changing `task`.

        Args:
            task: of the stage.
            stage: its name.
            storage_secret: name of the secret with the object store's credentials, or the pipeline's parameter of it.
            settings_map: name of the ConfigMap with addresses, or the parameter.
            tracking_secret: name of the secret with MLflow's credentials, or the parameter; only for stages that log to
                MLflow.
            labelling_secret: name of the secret with the labelling tool's credentials, or the parameter; only for
                stages that call it.
            notification_secret: name of the secret with the addresses where people are told, or the parameter; only for
                stages that tell them.
        """


def unplaced(
    task: dsl.PipelineTask,
    stage: str,
    *,
    storage_secret: str,
    settings_map: str,
    tracking_secret: str = "",
    labelling_secret: str = "",
    notification_secret: str = "",
) -> None:
    """Ask for nothing: the local engine runs every stage on this machine, in this process's environment."""
