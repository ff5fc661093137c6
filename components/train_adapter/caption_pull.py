"""Features that move towards those of their captions while a data selection trains.

Source: VeCAF, section 3.2 and algorithm 1, lines 6 to 11: the samples that a loop selected are augmented before it
trains on them. The attention of equation 8 and the captions' places are those of the features at the loop's beginning.
Cost: a pass over the pool's features where texts and images differ in width, else one over those of the selection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.config.embedding import text_provenance
from labelcycle.components.core.config.selection_loops import DataSelection
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.embedding_augmentation import (
    Features,
    TextMap,
    attention,
    fit_text_map,
    in_image_space,
)
from labelcycle.components.core.features.provenance import space_name
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.tuned_backbone import current_space


@dataclass(frozen=True)
class CaptionPull:
    """Where the features of K samples move to, and how far.

    Attributes:
        texts: features of the captions as image features, float32 (K, d).
        shares: of the way there that each goes, float32 (K, 1).
    """

    texts: torch.Tensor
    shares: torch.Tensor

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Features (K, d), moved; gradients go through them."""
        return features - self.shares * (features - self.texts)

    def at(self, rows: torch.Tensor) -> "CaptionPull":
        """That of some of the samples."""
        return CaptionPull(self.texts[rows], self.shares[rows])

    def to(self, device: torch.device) -> "CaptionPull":
        """The same on a device."""
        return CaptionPull(self.texts.to(device), self.shares.to(device))


def pull_of(features: Features, texts: Features, step: float, text_map: TextMap | None) -> CaptionPull:
    """The pull on samples with these features and captions.

    Args:
        features: those that the loop begins with, (K, d).
        texts: (K, t).
        step: η·K of equation 9.
        text_map: from text to image features; None where t = d.
    """
    shares = step * len(features) * attention(features, texts, text_map)
    mapped = np.array(in_image_space(texts, text_map, features.shape[1]), np.float32)
    return CaptionPull(torch.from_numpy(mapped), torch.from_numpy(shares.astype(np.float32)[:, None]))


def pull_of_selection(work: Attempt, settings: DataSelection, ids: Sequence[str]) -> CaptionPull | None:
    """The pull on the samples that a loop trains on; None where the recipe trains on features as they are.

    Args:
        work: the attempt.
        settings: of the recipe.
        ids: of the samples, sorted.

    Raises:
        CampaignError: one of them has no caption, or no features.
    """
    encoder = work.campaign.text_encoder
    if not settings.train_augmented or not settings.text_step:
        return None
    assert encoder is not None, "init gives every recipe that reads captions an encoder"
    space = FeatureSpace(work.store, current_space(work))
    of_texts = FeatureSpace(work.store, space_name(text_provenance(encoder, work.campaign.pool.sha256)))
    found, features = space.read(list(ids))
    captioned, texts = of_texts.read(list(ids))
    if found != list(ids) or captioned != list(ids):
        raise CampaignError(
            "A selected sample has no features, or no caption's, to train on with data_selection.train_augmented. Run "
            "the embed stage for base and tuned again."
        )
    text_map = None
    if texts.shape[1] != features.shape[1]:
        all_captioned, all_texts = of_texts.read()
        together, all_features = space.read(all_captioned)
        rows = np.isin(np.array(all_captioned, np.str_), np.array(together, np.str_))
        text_map = fit_text_map(all_texts[rows], all_features)
    return pull_of(features, texts, settings.text_step, text_map)
