"""What a feature space is made from, and the name that it has by that."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, TypeAdapter

from labelcycle.components.core.campaign.campaign import Backbone, Precision, Transform
from labelcycle.components.core.config.embedding import Pooling, Provenance, TextProvenance
from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.features.half_precision import FeatureScale


class BackboneProvenance(Provenance):
    """What features made by a backbone depend on.

    `adapter_sha256` is None for the backbone as it comes; `pooling` is not there where the network does it by itself.
    """

    kind: Literal["backbone"]
    backbone: str
    weights_sha256: str
    transform: Transform
    precision: Precision
    adapter_sha256: str | None
    pooling: Pooling = "network"


class ImportedProvenance(Provenance):
    """What a user's embeddings depend on: the digest of their file, and what they were centred and scaled by.

    The last two are not there where the embeddings were kept as they are.
    """

    kind: Literal["imported"]
    sha256: str
    centre: list[float] | None = None
    scale: list[float] | None = None

    @property
    def feature_scale(self) -> FeatureScale | None:
        """What new features have to be centred and scaled by too."""
        if self.centre is None or self.scale is None:
            return None
        return FeatureScale(np.array(self.centre, np.float64), np.array(self.scale, np.float64))


DIGITS = 16
"""Of a space's name."""


def backbone_provenance(backbone: Backbone, adapter_sha256: str | None) -> BackboneProvenance:
    """The provenance of features made by a backbone, with an adapter or None."""
    found = BackboneProvenance(
        kind="backbone",
        backbone=backbone.name,
        weights_sha256=backbone.weights.sha256,
        transform=backbone.transform,
        precision=backbone.precision,
        adapter_sha256=adapter_sha256,
    )
    return found if backbone.pooling == "network" else found.model_copy(update={"pooling": backbone.pooling})


def imported_provenance(sha256: str, scale: FeatureScale | None) -> ImportedProvenance:
    """The provenance of a user's embeddings.

    Args:
        sha256: of their file.
        scale: what they were centred and scaled by; None where they were kept as they are.
    """
    found = ImportedProvenance(kind="imported", sha256=sha256)
    return found if scale is None else found.model_copy(update=scale.as_provenance())


def space_name(provenance: Provenance) -> str:
    """The space's name: 16 hexadecimal digits of the digest of its provenance."""
    return digest_of_json(provenance.as_json())[:DIGITS]


AnyProvenance = BackboneProvenance | ImportedProvenance | TextProvenance

PROVENANCE: TypeAdapter[AnyProvenance] = TypeAdapter(Annotated[AnyProvenance, Field(discriminator="kind")])
"""Reads what `space.json` holds."""
