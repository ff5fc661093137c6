"""The train_adapter stage: train the recipe's model on every label so far."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labelcycle.components.core.campaign.algorithms import final_trainer_of, refuse_other_versions
from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.campaign.pool import load_truth
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.config.trainers import FineTuner, LogisticTrainer, LoraTrainer
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.core.features.provenance import backbone_provenance, space_name
from labelcycle.components.core.models.tuned_backbone import WEIGHTS, previous_backbone, with_weights
from labelcycle.components.core.runtime.observation import observed
from labelcycle.components.core.storage.objects import ObjectReference

if TYPE_CHECKING:
    import torch

    from labelcycle.components.train_adapter.trained import Trained

STAGE = "train_adapter"
FACTS = "training.json"
"""The name, within an attempt, of what was trained."""


@dataclass(frozen=True)
class TrainedFacts(Facts, rows="labelled"):
    """What was trained, and the feature space that belongs to it."""

    training: TrainingFacts

    @property
    def labelled(self) -> int:
        """How many samples were trained on."""
        return self.training.labelled

    @property
    def space(self) -> str:
        """The feature space that the head takes; compiled packages of earlier versions ask for it too."""
        return self.training.space

    def as_record(self) -> dict[str, object]:
        """What `training.json` has."""
        return self.training.model_dump()


@observed
def run(root: str, cycle: int, attempt: str) -> TrainedFacts:
    """Train, and write head, adapter or backbone, and facts into the attempt; nothing where that was done before.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the cycle, from 0.
        attempt: the attempt's name, from label_ingest.

    Raises:
        InputError: no label can be trained on.
        CampaignError: the attempt was begun for another version of the trainer.
    """
    work = open_attempt(root, cycle, attempt)
    if work.recorded(STAGE):
        return TrainedFacts(work.read_record(FACTS, TrainingFacts))
    refuse_other_versions(work, "trainer", "alignment")
    recipe = work.campaign.recipe
    labelled = work.labelled()
    if not labelled:
        raise InputError(f"Cycle {cycle} has no usable label: every answer was a skip or unsure. Label more samples.")
    validation = _validation(work)
    carried = None
    if work.decision.action == "finalize":
        trained = _train_final(work, labelled, validation)
    elif recipe.alignment is not None:
        from labelcycle.components.train_adapter.alignment.aligned_training import train_aligned

        aligned = train_aligned(work, recipe.alignment, labelled, validation)
        trained, carried = aligned.trained, aligned.weights
    elif recipe.data_selection is not None:
        from labelcycle.components.train_adapter.selected_data import train_on_selection

        trained = train_on_selection(work, recipe.data_selection, labelled)
    elif isinstance(recipe.trainer, LoraTrainer):
        from labelcycle.components.train_adapter.lora import train_lora

        trained = train_lora(work, recipe.trainer, labelled, validation)
    elif isinstance(recipe.trainer, LogisticTrainer):
        from labelcycle.components.train_adapter.logistic_training import train_logistic

        trained = train_logistic(work, recipe.trainer, labelled, validation)
    elif isinstance(recipe.trainer, FineTuner):
        trained = _fine_tuned(work, recipe.trainer, labelled, validation)
    else:
        from labelcycle.components.train_adapter.feature_training import train_on_base_space

        trained = train_on_base_space(work, recipe.trainer, labelled, validation)
    space, adapter_sha256, weights = work.campaign.base_space, None, carried
    if trained.backbone is not None:
        weights = work.write(WEIGHTS, trained.backbone)
    if trained.adapter is not None:
        written = {name: work.write(f"adapter/{name}", data) for name, data in trained.adapter.items()}
        adapter_sha256 = written["adapter_model.safetensors"].sha256
    if work.campaign.backbone is not None and (weights or adapter_sha256):
        backbone = with_weights(work.campaign.backbone, weights) if weights else work.campaign.backbone
        space = space_name(backbone_provenance(backbone, adapter_sha256))
    work.write("head.safetensors", trained.head.to_bytes())
    settings, trainer, learning_rate = _settings(work)
    facts = TrainingFacts(
        space=space,
        adapter_sha256=adapter_sha256,
        weights=weights,
        optimiser=None if trained.optimiser is None else _written_optimiser(work, trained.optimiser),
        labelled=trained.examples,
        trainer=trainer,
        settings=settings,
        epochs=trained.fitted.epochs,
        learning_rate=learning_rate,
        loss=trained.fitted.loss,
        validation_accuracy=trained.fitted.validation_accuracy,
        trainable_parameters=trained.trainable_parameters,
        total_parameters=trained.total_parameters,
        trainable_share=trained.trainable_parameters / trained.total_parameters,
        temperature=trained.fitted.temperature,
        unlabelled=trained.fitted.unlabelled,
    )
    work.write_record(FACTS, facts)
    return TrainedFacts(facts if work.record(STAGE) else work.read_record(FACTS, TrainingFacts))


def _written_optimiser(work: Attempt, state: "dict[str, torch.Tensor]") -> ObjectReference:
    """Write the state into the attempt. Returns the reference to it."""
    from safetensors.torch import save as save_tensors

    data = save_tensors({name: tensor.cpu().contiguous() for name, tensor in state.items()})
    return work.write("optimiser.safetensors", data)


def _settings(work: Attempt) -> tuple[str, str, float | None]:
    """Where the recipe has this cycle's trainer, its name, and its learning rate, not lowered for the final model."""
    if work.decision.action == "finalize":
        group, final = _final_trainer(work)
        return group, final.name, final.learning_rate
    recipe = work.campaign.recipe
    if isinstance(recipe.trainer, LogisticTrainer):
        return "trainer", recipe.trainer.name, None
    return "trainer", recipe.trainer.name, recipe.schedule.learning_rate(recipe.trainer.learning_rate, work.cycle)


def _fine_tuned(work: Attempt, trainer: FineTuner, labelled: dict[str, str], validation: dict[str, str]) -> "Trained":
    """Fine-tuning by the schedule: from the cycle before or from the campaign's own weights, at this cycle's rates."""
    from labelcycle.components.train_adapter.fine_tuning import fine_tune
    from labelcycle.components.train_adapter.head_modules import previous_head
    from labelcycle.components.train_adapter.training_images import campaign_backbone

    schedule = work.campaign.recipe.schedule
    backbone = campaign_backbone(work)
    if schedule.warm_start:
        backbone = previous_backbone(work) or backbone
    rates = {
        name: schedule.learning_rate(getattr(trainer, name), work.cycle)
        for name in ("learning_rate", "head_learning_rate")
    }
    return fine_tune(
        work,
        backbone,
        trainer.model_copy(update=rates),
        labelled,
        validation,
        seed_for(work.campaign.seed, work.cycle, "train"),
        previous_head(work),
    )


def _validation(work: Attempt) -> dict[str, str]:
    """Class by id of the validation split; empty where the campaign has none."""
    ids = ids_of_split(work.store, work.campaign, "val")
    if not ids:
        return {}
    truth = load_truth(work.store, work.campaign)
    return {sample_id: truth[sample_id] for sample_id in ids}


def _final_trainer(work: Attempt) -> tuple[str, FineTuner]:
    """What the recipe calls the settings that the final model is trained with, and these; see `final_trainer_of`."""
    return final_trainer_of(work.campaign.recipe, work.decision.previous)


def _train_final(work: Attempt, labelled: dict[str, str], validation: dict[str, str]) -> "Trained":
    """Fine-tune the campaign's own backbone on every label; nothing is taken over from a cycle.

    Args:
        work: the attempt.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty.

    Cost: that of `fine_tune`.
    """
    from labelcycle.components.train_adapter.fine_tuning import fine_tune
    from labelcycle.components.train_adapter.training_images import campaign_backbone

    seed = seed_for(work.campaign.seed, work.cycle, "train")
    group, trainer = _final_trainer(work)
    return fine_tune(work, campaign_backbone(work), trainer, labelled, validation, seed, group=group)
