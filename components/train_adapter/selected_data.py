"""Training on the samples that one loop of a data selection has chosen, within that loop's share of the batches.

Source: VeCAF, algorithm 1, lines 8 to 13. Every loop goes on from the weights and the optimiser of the one before.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pyarrow as pa
import torch
from safetensors.torch import load as load_tensors

from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.selected_samples import selected_so_far
from labelcycle.components.core.config.selection_loops import DataSelection, measured_features, measured_head
from labelcycle.components.core.config.trainers import FineTuner, LinearTrainer
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.storage.objects import read_object
from labelcycle.components.core.storage.tables import matrix_to_column
from labelcycle.components.train_adapter.batch_budget import BatchBudget, spend
from labelcycle.components.train_adapter.caption_pull import pull_of_selection
from labelcycle.components.train_adapter.checkpoints import Checkpoints, checkpoints_of
from labelcycle.components.train_adapter.feature_training import feature_examples
from labelcycle.components.train_adapter.fit import Examples, seed_everything
from labelcycle.components.train_adapter.head_modules import begin_head, class_indices, previous_head
from labelcycle.components.train_adapter.optimisation import Tensors
from labelcycle.components.train_adapter.trained import Trained


def budget_of(settings: DataSelection, loop: int) -> BatchBudget:
    """The batches of `loop`, from 1."""
    return BatchBudget(settings.batches(loop), settings.total_batches, settings.points(loop))


def train_on_selection(work: Attempt, settings: DataSelection, selected: dict[str, str]) -> Trained:
    """Train the recipe's head, on the base features, or its backbone and a linear layer, on the images.

    The heads of the points within the loop are written into the attempt, so that the evaluate stage can measure them. A
    tuned backbone's are written with its features of `measured_samples` test images, and not without: its loop is then
    measured at its end alone.

    Args:
        work: the attempt of cycle `loop`.
        settings: of the recipe.
        selected: class by id of the loop's selection.

    Raises:
        InputError: none of the selected samples can be read.
        ConfigurationError: the campaign has embeddings only, but the trainer wants images.

    Cost: the loop's share of the batches, forward and backward; with `measured_samples` one pass over these and a copy
    of the whole network in memory a point.
    """
    trainer, budget = work.campaign.recipe.trainer, budget_of(settings, work.cycle)
    if settings.replay:
        selected = selected_so_far(work)
    seed = seed_for(work.campaign.seed, work.cycle, "train")
    if isinstance(trainer, FineTuner):
        return _fine_tuned(work, trainer, settings, budget, selected, seed)
    assert isinstance(trainer, LinearTrainer)
    found, features = FeatureSpace(work.store, work.campaign.base_space).read(list(selected))
    if not found:
        raise InputError("None of the selected samples has features: their images cannot be read. Restore the images.")
    training = feature_examples(features, class_indices([selected[name] for name in found], work.campaign.classes))
    pull = pull_of_selection(work, settings, found)
    if pull is not None:
        training = Examples(pull(training.inputs), training.targets)

    def keep(batches: int, head: LinearHead) -> None:
        work.write(measured_head(batches), head.to_bytes())

    return train_head(
        training,
        len(work.campaign.classes),
        trainer,
        budget,
        seed,
        previous_head(work),
        keep,
        _previous_optimiser(work),
        checkpoints_of(work),
    )


def train_head(
    training: Examples,
    classes: int,
    trainer: LinearTrainer,
    budget: BatchBudget,
    seed: int,
    previous: LinearHead | None,
    on_point: Callable[[int, LinearHead], None] = lambda batches, head: None,
    optimiser_before: Tensors | None = None,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train the head on features in memory, on one core: the same head for any number of cores.

    Args:
        training: features (N, d) and their classes, N ≥ 1, in the order of their ids.
        classes: C.
        trainer: optimiser, learning rate, batch size, weight decay, dropout.
        budget: the loop's batches.
        seed: decides the fresh parameters, dropout and the order of the batches.
        previous: the head of the loop before; None begins afresh.
        on_point: called at each point of the budget with the batches so far and the head.
        optimiser_before: the optimiser's state after the loop before; None begins without any.
        checkpoints: where the state of a long training is kept.
    """
    seed_everything(seed)
    head = begin_head(training.inputs.shape[1], classes, trainer.dropout, previous)
    parameters = list(head.parameters())
    with one_core_a_batch():
        spent = spend(
            budget,
            head,
            [(parameters, trainer.learning_rate)],
            lambda features: features,
            training,
            trainer,
            seed,
            lambda batches: on_point(batches, head.export()),
            optimiser_before=optimiser_before,
            checkpoints=checkpoints,
        )
    count = sum(parameter.numel() for parameter in parameters)
    return Trained(
        head.export(), None, spent.fitted, len(training.targets), count, count, optimiser=spent.optimiser or None
    )


def _previous_optimiser(work: Attempt) -> Tensors | None:
    """The state that the loop before left; None in the first loop, and for plain gradient descent, which has none."""
    reference = work.decision.previous.get("optimiser")
    return None if reference is None else load_tensors(read_object(work.store, reference))


def _fine_tuned(
    work: Attempt,
    trainer: FineTuner,
    settings: DataSelection,
    budget: BatchBudget,
    selected: dict[str, str],
    seed: int,
) -> Trained:
    from safetensors.torch import save as save_tensors

    from labelcycle.components.core.backbones.build import autocast, build_backbone, device, normalise
    from labelcycle.components.core.models.tuned_backbone import previous_backbone
    from labelcycle.components.train_adapter.head_init import initial_head
    from labelcycle.components.train_adapter.head_modules import linear_layer, plain_head
    from labelcycle.components.train_adapter.in_parallel import InParallel
    from labelcycle.components.train_adapter.training_images import campaign_backbone, readable_images
    from labelcycle.components.train_adapter.vision_transformer import takes_samples_apart

    seed_everything(seed)
    backbone = previous_backbone(work) or campaign_backbone(work)
    model = build_backbone(work.store, backbone).requires_grad_(True)
    classes = len(work.campaign.classes)
    ids, pixels = readable_images(work, backbone, selected)
    if pixels is None:
        raise InputError("None of the selected images can be read. Restore the images and run again.")
    training = Examples(pixels, class_indices([selected[name] for name in ids], work.campaign.classes))
    pull = pull_of_selection(work, settings, ids)
    measured = _MeasuredImages(work, backbone, settings)
    budget = replace(budget, points=settings.points(work.cycle)[:-1])
    head = initial_head(trainer.head_init, previous_head(work), model, backbone, training, classes)
    linear = torch.nn.Linear(backbone.width, classes) if head is None else linear_layer(head)
    linear = linear.to(device())
    pieces = InParallel(model, autocast(backbone)) if takes_samples_apart(model) else None
    network = torch.nn.Sequential(pieces or model, linear)

    def towards_captions(images: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        assert pull is not None
        logits: torch.Tensor = linear(pull.at(rows).to(device())(network[0](images)))
        return logits

    with pieces.running() if pieces is not None and device().type == "cpu" else nullcontext():
        spent = spend(
            budget,
            network,
            [
                (list(model.parameters()), trainer.learning_rate),
                (list(linear.parameters()), trainer.head_learning_rate),
            ],
            lambda pixels: normalise(pixels.to(device()), backbone.transform),
            training,
            trainer,
            seed,
            (lambda batches: measured.keep(batches, model, plain_head(linear))) if measured.ids else None,
            precision=autocast(backbone),
            forward=None if pull is None else towards_captions,
            optimiser_before=_previous_optimiser(work),
            checkpoints=checkpoints_of(work),
        )
    count = sum(parameter.numel() for parameter in network.parameters())
    weights = save_tensors({name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()})
    return Trained(
        plain_head(linear),
        None,
        spent.fitted,
        len(training.targets),
        count,
        count,
        weights,
        optimiser=spent.optimiser or None,
    )


class _MeasuredImages:
    """The test images that a tuned backbone is measured with within its loop; no labels are read.

    Args:
        work: the attempt.
        backbone: the transform and the precision.
        settings: of the recipe, with their number. Which they are is decided by a hash of their ids.
    """

    def __init__(self, work: Attempt, backbone: Backbone, settings: DataSelection) -> None:
        from labelcycle.components.train_adapter.training_images import readable_images

        self._work, self._backbone = work, backbone
        self.ids: list[str] = []
        if settings.measured_samples is None:
            return
        ids = np.array(ids_of_split(work.store, work.campaign, "test"), np.str_)
        chosen = ids[np.argsort(keyed_order(ids, "measured within loops"), kind="stable")[: settings.measured_samples]]
        self.ids, self._pixels = readable_images(work, backbone, set(chosen.tolist()))

    def keep(self, batches: int, model: torch.nn.Module, head: LinearHead) -> None:
        """Write the head as it is after so many batches, and the features that belong to it."""
        from labelcycle.components.train_adapter.head_init import features_of

        assert self._pixels is not None
        images = Examples(self._pixels, torch.zeros(len(self.ids), dtype=torch.int64))
        features = features_of(model, self._backbone, images).inputs.half().numpy()
        table = pa.table({"sample_id": pa.array(self.ids, pa.string()), "feature": matrix_to_column(features)})
        self._work.write_table(measured_features(batches), table)
        self._work.write(measured_head(batches), head.to_bytes())
