"""The model that a campaign keeps, where the models of its cycles only choose samples."""

from typing import TYPE_CHECKING

from labelcycle.components.core.algorithms import final_trainer_of
from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.ordering import seed_for
from labelcycle.components.core.trainers import FineTuner

if TYPE_CHECKING:
    from labelcycle.components.train_adapter.trained import Trained


def final_trainer(work: Attempt) -> tuple[str, FineTuner]:
    """What the recipe calls the settings that the final model is trained with, and these; see `final_trainer_of`."""
    return final_trainer_of(work.campaign.recipe, work.decision.previous)


def train_final(work: Attempt, labelled: dict[str, str], validation: dict[str, str]) -> "Trained":
    """Fine-tune the campaign's own backbone on every label; nothing is taken over from a cycle.

    Args:
        work: the attempt.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty.

    Cost: that of `fine_tune`.
    """
    from labelcycle.components.train_adapter.fine_tuning import fine_tune
    from labelcycle.components.train_adapter.images import campaign_backbone

    seed = seed_for(work.campaign.seed, work.cycle, "train")
    group, trainer = final_trainer(work)
    return fine_tune(work, campaign_backbone(work), trainer, labelled, validation, seed, group=group)
