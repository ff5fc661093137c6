"""What training in epochs starts from: classes as numbers, and the last cycle's head."""

from collections.abc import Sequence

import torch

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.heads import Head, read_head
from labelcycle.components.core.storage.objects import read_object
from labelcycle.components.train_adapter.head_modules import HeadModule


def class_indices(labels: Sequence[str], classes: Sequence[str]) -> torch.Tensor:
    """Class names → int64 indices into the campaign's classes."""
    index = {name: number for number, name in enumerate(classes)}
    return torch.tensor([index[label] for label in labels], dtype=torch.int64)


def previous_feature_head(work: Attempt) -> Head | None:
    """The last cycle's head of whatever kind, where the schedule goes on from it and there is one."""
    reference = work.decision.previous.get("head")
    if reference is None or not work.campaign.recipe.schedule.warm_start:
        return None
    return read_head(read_object(work.store, reference))


def previous_head(work: Attempt) -> LinearHead | None:
    """The same of a recipe whose trainer makes linear heads: any but the proxy."""
    head = previous_feature_head(work)
    assert head is None or isinstance(head, LinearHead)
    return head


def begin_head(width: int, classes: int, dropout: float, previous: LinearHead | None) -> HeadModule:
    """A head to train: with the parameters of `previous`, or fresh ones, which depend on torch's seed."""
    head = HeadModule(width, classes, dropout)
    if previous is not None:
        head.load(previous)
    return head
