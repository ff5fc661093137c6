"""What the folder of a model says of it in `model.json`: classes, network, input; and how its head is read again."""

from pathlib import Path

import numpy as np

from labelcycle.components.core.campaign.campaign import Backbone, Precision, Transform
from labelcycle.components.core.config.embedding import Pooling
from labelcycle.components.core.features.half_precision import FeatureScale
from labelcycle.components.core.features.provenance import ImportedProvenance
from labelcycle.components.core.storage.objects import ObjectReference, Record

DESCRIPTION = "model.json"
HEAD = "head.safetensors"
ADAPTER_FOLDER = "adapter"


class BackboneDescription(Record):
    """The network that head and adapter need.

    Attributes:
        name: timm's.
        weights_sha256: of its weights.
        file: the tuned backbone's weights within the model's folder; None for the backbone as it comes.
        transform: how an image becomes its input.
        width: numbers in a feature vector.
        pooling: how tokens become a vector.
        precision: what it computes in.
        weights: where the campaign keeps the weights of a backbone as it comes: a path or `s3://` URI.
        weights_copy: MLflow's copy of them, `runs:/<run>/backbone/<digest>.safetensors`; None where it has none.
    """

    name: str
    weights_sha256: str
    file: str | None
    transform: Transform
    width: int
    pooling: Pooling
    precision: Precision = "float32"
    weights: str | None = None
    weights_copy: str | None = None

    def as_backbone(self) -> Backbone:
        """The network as a campaign describes it; the key of its weights is their file in the model's folder."""
        return Backbone(
            name=self.name,
            weights=ObjectReference(key=self.file or "", sha256=self.weights_sha256),
            transform=self.transform,
            width=self.width,
            precision=self.precision,
            pooling=self.pooling,
        )


class ScaleDescription(Record):
    """What a user's embeddings are centred and scaled by, as in the provenance of their feature space."""

    centre: list[float]
    scale: list[float]

    @classmethod
    def of(cls, provenance: ImportedProvenance) -> "ScaleDescription | None":
        """That of a space; None where embeddings are kept as they are."""
        if provenance.centre is None or provenance.scale is None:
            return None
        return cls(centre=provenance.centre, scale=provenance.scale)

    def as_feature_scale(self) -> FeatureScale:
        """The same as arrays."""
        return FeatureScale(np.array(self.centre, np.float64), np.array(self.scale, np.float64))


class ModelDescription(Record):
    """What a user of the model has to know: `model.json`.

    Attributes:
        campaign: its identifier.
        cycle: that trained the model.
        attempt: at that cycle.
        classes: in the order of the head's rows.
        space: the feature space of the head.
        backbone: None where features were given.
        adapter: whether the folder has one.
        width: numbers in a feature vector of a model on features; None for one on images.
        feature_scale: what these are centred and scaled by; None for not at all.
    """

    campaign: str
    cycle: int
    attempt: str
    classes: list[str]
    space: str
    backbone: BackboneDescription | None
    adapter: bool
    width: int | None = None
    feature_scale: ScaleDescription | None = None


def read_description(folder: Path) -> ModelDescription:
    """The description in a model's folder.

    Raises:
        CampaignError: damaged, or of another version.
        FileNotFoundError: the folder has none.
    """
    path = folder / DESCRIPTION
    return ModelDescription.from_json(path.read_bytes(), str(path), "Download the model again.")
