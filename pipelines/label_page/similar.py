"""Samples that have a label and look most like another one to the model."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.neighbours import most_similar
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.label_page.open_queries import OpenQueries

SHOWN = 6


class SimilarSamples:
    """Features of all samples that are asked about or have a label, read when they are first asked for."""

    def __init__(self, store: Store, queries: OpenQueries) -> None:
        self._store, self.queries = store, queries
        self._features: tuple[dict[str, int], npt.NDArray[np.float32]] | None = None

    def labelled_like(self, sample_id: str, labels: dict[str, str], count: int = SHOWN) -> list[str]:
        """The samples most like this one, by the cosine of their features, the most similar first.

        Args:
            sample_id: the sample, which is not among them.
            labels: by sample; only these are looked at.
            count: at most so many.

        Raises:
            CampaignError: the feature space is damaged.

        Cost: the first time reads the parts of the feature space that hold these samples; then O(labels · d).
        """
        rows, features = self._read()
        near = [name for name in labels if name in rows and name != sample_id and name in self.queries.images]
        if sample_id not in rows or not near:
            return []
        points = features[[rows[name] for name in near]]
        _, found = most_similar(features[rows[sample_id]][None], points, min(count, len(near)))
        return [near[row] for row in found[0]]

    def _read(self) -> tuple[dict[str, int], npt.NDArray[np.float32]]:
        if self._features is None:
            wanted = sorted(self.queries.labels.keys() | {request.sample_id for request in self.queries.asked})
            ids, kept = self._read_space(wanted)
            features = kept.astype(np.float32)
            norms = np.linalg.norm(features, axis=1, keepdims=True)
            features /= np.where(norms > 0, norms, 1)
            self._features = {name: row for row, name in enumerate(ids)}, features
        return self._features

    def _read_space(self, wanted: list[str]) -> tuple[list[str], npt.NDArray[np.float16]]:
        """Their features in the space of the newest model; in that of the backbone where the other lacks some."""
        base = self.queries.campaign.base_space
        try:
            return FeatureSpace(self._store, self.queries.space).read(wanted)
        except CampaignError:
            if self.queries.space == base:
                raise
            return FeatureSpace(self._store, base).read(wanted)
