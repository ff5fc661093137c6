"""The backbone that a training made: the campaign's own network with other weights, which are an object of an attempt.

Nothing but the weights differs, so whatever takes a `Backbone` takes a tuned one, and its feature space has a name of
its own because the digest of the weights does.
"""

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.features.provenance import backbone_provenance, space_name
from labelcycle.components.core.storage.objects import ObjectReference

WEIGHTS = "backbone.safetensors"
"""The name, within an attempt, of the weights of a tuned backbone."""


def with_weights(backbone: Backbone, weights: ObjectReference) -> Backbone:
    """`backbone` with other weights of the same names and shapes."""
    return backbone.model_copy(update={"weights": weights})


def trained_backbone(backbone: Backbone, training: TrainingFacts) -> Backbone:
    """The backbone that a training's features belong to: a tuned one, or `backbone` itself."""
    return backbone if training.weights is None else with_weights(backbone, training.weights)


def previous_backbone(work: Attempt) -> Backbone | None:
    """The tuned backbone of the cycle before; None where no cycle has tuned one yet."""
    weights = work.decision.previous.get("backbone")
    backbone = work.campaign.backbone
    return None if weights is None or backbone is None else with_weights(backbone, weights)


def current_space(work: Attempt) -> str:
    """The space that a cycle begins in: that of the last tuned backbone, or the base space."""
    tuned = previous_backbone(work)
    return work.campaign.base_space if tuned is None else space_name(backbone_provenance(tuned, None))
