"""Training under alignment: decide, fine-tune the backbone where that is decided, and train the head on its features.

Source: ASVP, section 5 and figure 10.
"""

from dataclasses import dataclass

from labelcycle.components.core.backbones.build import build_backbone
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.campaign.class_changes import only_names_differ
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.training import AlignmentVerdict, Tuning
from labelcycle.components.core.config.recipe import Alignment
from labelcycle.components.core.config.trainers import EpochTrainer, LinearTrainer
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.tuned_backbone import WEIGHTS, current_space, previous_backbone, with_weights
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.train_adapter.alignment.recompute_decision import Accuracies, decide, may_update
from labelcycle.components.train_adapter.checkpoints import NAME, checkpoints_of
from labelcycle.components.train_adapter.feature_moments import Doubles, pool_moments
from labelcycle.components.train_adapter.feature_training import examples_of_space, train_on_features
from labelcycle.components.train_adapter.fine_tuning import fine_tune
from labelcycle.components.train_adapter.fit import Examples
from labelcycle.components.train_adapter.head_init import features_of
from labelcycle.components.train_adapter.head_modules import previous_feature_head
from labelcycle.components.train_adapter.trained import Trained
from labelcycle.components.train_adapter.training_images import campaign_backbone, image_examples

RECORD = "alignment.json"
"""The name, within an attempt, of the decision with all that it rests on."""


@dataclass(frozen=True)
class Aligned:
    """The head, and the weights of the tuned backbone whose features it takes; None for the campaign's own."""

    trained: Trained
    weights: ObjectReference | None


def train_aligned(work: Attempt, settings: Alignment, labelled: dict[str, str], validation: dict[str, str]) -> Aligned:
    """Train the head on the current features, or on those of a backbone that is fine-tuned now.

    Without `feature_alignment` the features stay, and what is decided is how the final model will be trained.

    The decision is written as `alignment.json` into the attempt, and the weights of a new backbone.

    Args:
        work: the attempt.
        settings: the recipe's alignment.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty but for the mode `holdout`.

    Raises:
        ConfigurationError: the mode `holdout` without a validation split.
        InputError: no labelled sample has features, or none of the labelled images can be read.

    Cost: that of the decision, of reading the pool's features and of training the head. With a new backbone also that
    of fine-tuning and of one pass over the labelled images; the mode `holdout` fine-tunes to decide.
    """
    classes = work.campaign.classes
    space = FeatureSpace(work.store, current_space(work))
    training, held_out = examples_of_space(space, labelled, validation, classes=classes)
    if training is None:
        raise InputError("None of the labelled samples has features: their images cannot be read. Restore the images.")
    previous = work.previous_record("alignment", AlignmentVerdict)
    fitting = may_update(settings, previous) and work.decision.query_size > 0
    tuned, accuracies = None, None
    if settings.mode == "holdout" and fitting and not settings.update_at:
        probed = _probe(work, training, held_out)
        tuned = _fine_tuned(work, settings, labelled, validation)
        accuracies = Accuracies(probed, _validated(tuned))
    mean, deviation = (None, None) if settings.mode == "holdout" else _moments(work, space)
    verdict = decide(
        training.inputs.numpy(),
        training.targets.numpy(),
        previous,
        settings,
        mean,
        deviation,
        accuracies=accuracies,
        same_classes=only_names_differ(work.classes_before(), work.campaign),
        asks_again=work.decision.query_size > 0,
    )
    if verdict.update and verdict.logme_unreliable and not settings.update_at:
        notice(
            f"LogME is unreliable here: with no more labels ({verdict.labelled}) than the features are wide "
            f"({verdict.width}) it moves with their number, and the decision rests on it. alignment.mode=holdout asks "
            "a validation split instead."
        )
    backbone, weights, warm = previous_backbone(work), None, previous_feature_head(work)
    if backbone is not None:
        weights = backbone.weights
    if verdict.update and settings.feature_alignment:
        tuned = tuned or _fine_tuned(work, settings, labelled, validation)
        assert tuned.backbone is not None
        weights, warm = work.write(WEIGHTS, tuned.backbone), None
        backbone = with_weights(campaign_backbone(work), weights)
        training, held_out = _features(work, backbone, labelled, validation)
    _record(work, verdict, tuned if verdict.update and settings.feature_alignment else None)
    trainer = work.campaign.recipe.trainer
    assert isinstance(trainer, EpochTrainer)
    trained = train_on_features(
        training,
        held_out,
        len(classes),
        trainer,
        work.campaign.recipe.schedule.learning_rate(trainer.learning_rate, work.cycle),
        seed_for(work.campaign.seed, work.cycle, "train"),
        warm,
        checkpoints_of(work),
    )
    return Aligned(trained, weights)


def _moments(work: Attempt, space: FeatureSpace) -> tuple[Doubles, Doubles] | tuple[None, None]:
    """Mean and standard deviation of the pool's features in the current space."""
    return pool_moments(space, ids_of_split(work.store, work.campaign, "pool")) or (None, None)


def _fine_tuned(work: Attempt, settings: Alignment, labelled: dict[str, str], validation: dict[str, str]) -> Trained:
    """The campaign's own backbone, fine-tuned on every label so far."""
    seed = seed_for(work.campaign.seed, work.cycle, "alignment")
    backbone = campaign_backbone(work)
    return fine_tune(work, backbone, settings.trainer, labelled, validation, seed, group="alignment.trainer")


def _features(
    work: Attempt, backbone: Backbone, labelled: dict[str, str], validation: dict[str, str]
) -> tuple[Examples, Examples | None]:
    """Features of the labelled and the validation images under a new backbone, rounded as the embed stage does."""
    model = build_backbone(work.store, backbone)
    found = []
    for classes_by_id in (labelled, validation):
        images = image_examples(work, backbone, classes_by_id)
        features = None if images is None else features_of(model, backbone, images)
        found.append(None if features is None else Examples(features.inputs.half().float(), features.targets))
    assert found[0] is not None
    return found[0], found[1]


def _probe(work: Attempt, training: Examples, held_out: Examples | None) -> float:
    """What a linear probe on the current features reaches on the validation split."""
    settings = LinearTrainer()
    seed = seed_for(work.campaign.seed, work.cycle, "probe")
    classes = len(work.campaign.classes)
    kept = checkpoints_of(work, f"alignment.probe.{NAME}")
    rate = settings.learning_rate
    return _validated(train_on_features(training, held_out, classes, settings, rate, seed, None, kept))


def _validated(trained: Trained) -> float:
    accuracy = trained.fitted.validation_accuracy
    if accuracy is None:
        raise ConfigurationError(
            "alignment.mode holdout compares models on a validation split, but the campaign has none that can be read. "
            "Start a campaign with one, or set alignment.mode to absolute or relative."
        )
    return accuracy


def _record(work: Attempt, verdict: AlignmentVerdict, tuned: Trained | None) -> None:
    tuning = None
    if tuned is not None:
        tuning = Tuning(epochs=tuned.fitted.epochs, loss=tuned.fitted.loss, examples=tuned.examples)
    work.write_record(RECORD, verdict.model_copy(update={"tuning": tuning}))
