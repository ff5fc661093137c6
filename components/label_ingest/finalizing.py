"""Whether a campaign can have a final model beside the models of its cycles."""

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.state import State


def without_final_training(state: State) -> str:
    """What holds for a recipe that has no final training, in words."""
    return f"recipe {state.campaign.recipe.name!r} has no final training: the model of the last cycle is the final one"


def check_finalizable(state: State) -> None:
    """Check that there are images and labels to train the final model on.

    Raises:
        ConfigurationError: one of these is missing.
    """
    campaign = state.campaign
    if campaign.backbone is None:
        raise ConfigurationError(
            f"The final training of recipe {campaign.recipe.name!r} needs images, but this campaign has embeddings "
            "only. Use the model of its last cycle, or begin a campaign with --images."
        )
    if not state.trained:
        raise ConfigurationError("There is no trained cycle yet, so nothing to finalize. Run: labelcycle run.")
