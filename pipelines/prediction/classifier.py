"""Classification of samples of the pool by their features, and of images that have none yet."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.pipelines.models.choice import Chosen
from labelcycle.pipelines.models.prediction_files import Predictions

if TYPE_CHECKING:
    import torch

BATCH = 64
"""Images a forward pass: always as many, so that a part has the same bytes whoever makes it."""

SET_ASIDE = "it was set aside: "


class PoolClassifier:
    """What a model says of samples of its campaign's pool.

    Cost: reads the parts of the model's feature space that hold the samples. Only where some have no features there,
    because the space was pruned or the pool has grown, is the network loaded and are their images read.
    """

    def __init__(self, chosen: Chosen) -> None:
        self._chosen, self._head = chosen, chosen.head
        self._space = FeatureSpace(chosen.store, chosen.training.space)
        self._listing = self._space.listing()

    def predictions(self, ids: list[str]) -> Predictions:
        """Predictions of samples, in the order of their ids.

        Args:
            ids: of samples of the pool, sorted, at least one.

        Raises:
            CampaignError: features are damaged; or missing, and the campaign has no images.
        """
        try:
            found, features = self._space.read_together([ids], self._listing)[0]
        except CampaignError:
            missing = set(ids) - self._present - self._reasons.keys()
            if not missing or self._chosen.campaign.backbone is None:
                raise
            return self._with_images(ids, missing)
        return self._by_features(ids, found, self._head.probabilities(features) if found else None)

    def _with_images(self, ids: list[str], missing: set[str]) -> Predictions:
        """Predictions where features are missing: by the features that there are, and by images."""
        uris = sample_uris(self._chosen.store, read_state(self._chosen.store).campaign, missing)
        images = {name: uri for name in sorted(missing) if (uri := uris.get(name)) is not None}
        seen = next(classify_listed(self._chosen, [images], self._network))
        there = [name for name in ids if name in self._present]
        told = self._by_features(ids, [], None)
        if there:
            found, features = self._space.read_together([there], self._listing)[0]
            told = self._by_features(ids, found, self._head.probabilities(features))
        row = {name: number for number, name in enumerate(ids)}
        rows = [row[name] for name in images]
        told.probabilities[rows] = seen.probabilities
        for number, reason in zip(rows, seen.reasons, strict=True):
            told.reasons[number] = reason
        return told

    def _by_features(self, ids: list[str], found: list[str], probabilities: Any) -> Predictions:
        """Rows of NaN, and reasons, for the samples that were not found."""
        result = np.full((len(ids), len(self._chosen.campaign.classes)), np.nan, np.float32)
        if found:
            result[np.searchsorted(np.asarray(ids, dtype=object), np.asarray(found, dtype=object))] = probabilities
        reasons: list[str | None] = [None] * len(ids)
        for row in np.flatnonzero(np.isnan(result).any(axis=1)):
            reasons[row] = SET_ASIDE + self._reasons.get(ids[row], "nobody knows why")
        return Predictions(ids, result, reasons)

    @cached_property
    def _present(self) -> set[str]:
        return self._space.ids(self._listing)

    @cached_property
    def _reasons(self) -> dict[str, str]:
        """Why each sample was set aside that cannot be read."""
        return {row["sample_id"]: row["reason"] for row in self._space.quarantined(self._listing)}

    @cached_property
    def _network(self) -> "torch.nn.Module":
        from labelcycle.pipelines.models.network import load_network

        return load_network(self._chosen)


def classify_listed(
    chosen: Chosen, parts: Iterable[Mapping[str, str]], network: "torch.nn.Module | None" = None
) -> Iterator[Predictions]:
    """What a model says of images, for each part of them in turn; the network is loaded once.

    Args:
        chosen: the model.
        parts: address by name, of each part.
        network: the model's, where it is loaded already.

    Cost: memory for the network and one part's probabilities.
    """
    from labelcycle.pipelines.models.classify_images import classify_images
    from labelcycle.pipelines.models.network import load_network

    network = load_network(chosen) if network is None else network
    for images in parts:
        batches = list(classify_images(chosen, images, BATCH, network))
        reasons = [reason for batch in batches for reason in batch.reasons]
        yield Predictions(list(images), np.concatenate([batch.probabilities for batch in batches]), reasons)
