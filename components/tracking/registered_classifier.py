"""The model of a cycle as MLflow loads it: `mlflow.pyfunc.load_model("models:/…@champion").predict(…)`.

Registered models name this module in their code, so neither it nor the class may be renamed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow.pyfunc import PythonModel

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.models.heads import Head, read_head
from labelcycle.components.core.models.model_description import (
    ADAPTER_FOLDER,
    HEAD,
    BackboneDescription,
    ModelDescription,
    read_description,
)
from labelcycle.components.tracking.model_weights import read_weights

if TYPE_CHECKING:
    from labelcycle.components.core.models.image_classifier import ImageClassifier

IMAGES_A_BATCH = 64
NOT_FINITE = "its features have NaN or infinite numbers, or such as half precision cannot hold"


class InputClassifier(Protocol):
    """Whatever answers for a kind of input: rows of probabilities (B, C), NaN where there is none, and the reasons."""

    def __call__(self, given: Any) -> tuple[npt.NDArray[np.float32], list[str | None]]:
        """The answers to what MLflow hands over."""


class CycleModel:
    """A model on images, or on features where a campaign began with them. It answers as `labelcycle predict` does."""

    def load_context(self, context: Any) -> None:
        """Read the model. `read_paths` and `weights` of `model_config` are as `model_inputs` and `model_weights` say.

        Raises:
            CampaignError: a file is damaged, or the weights of the network are nowhere to be had.
            ConfigurationError: the named weights are missing, or others.
        """
        folder = Path(context.artifacts["description"]).parent
        settings = context.model_config or {}
        self._description = read_description(folder)
        head = read_head((folder / HEAD).read_bytes())
        backbone = self._description.backbone
        if backbone is None:
            self._classify: InputClassifier = _OnFeatures(head, self._description)
        else:
            self._classify = _OnImages(
                _classifier(folder, self._description, backbone, head, str(settings.get("weights") or "")),
                bool(settings.get("read_paths")),
            )

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """What the model says of each image, or of each row of features.

        Args:
            context: MLflow's; not needed.
            model_input: images as `images_given` takes them, or features (N, d).
            params: none are known.

        Returns:
            A row each, in their order, with the index of a DataFrame or Series: `predicted`, `confidence`,
            `probability_<class>` for every class, and `reason`, which is None but for a row without prediction. There
            all others are None, since JSON has no NaN.
        """
        probabilities, reasons = self._classify(model_input)
        table = _table(probabilities, reasons, self._description.classes)
        if isinstance(model_input, pd.DataFrame | pd.Series) and len(model_input) == len(table):
            table.index = model_input.index
        return table


class RegisteredClassifier(CycleModel, PythonModel):  # type: ignore[misc] # MLflow has no types for mypy
    """The same as MLflow's. It inherits `predict`, since MLflow warns of each one written here, whatever its types."""


class _OnImages:
    def __init__(self, classifier: "ImageClassifier", read_paths: bool) -> None:
        self._classifier, self._read_paths = classifier, read_paths

    def __call__(self, given: Any) -> tuple[npt.NDArray[np.float32], list[str | None]]:
        from labelcycle.components.tracking.model_inputs import images_given

        images = images_given(given, self._read_paths)
        starts = range(0, max(1, len(images)), IMAGES_A_BATCH)
        found = [self._classifier.classify(images[start : start + IMAGES_A_BATCH]) for start in starts]
        reasons = [reason for batch in found for reason in batch.reasons]
        return np.concatenate([batch.probabilities for batch in found]), reasons


class _OnFeatures:
    def __init__(self, head: Head, description: ModelDescription) -> None:
        scale = description.feature_scale
        self._head, self._width = head, description.width
        self._scale = None if scale is None else scale.as_feature_scale()

    def __call__(self, given: Any) -> tuple[npt.NDArray[np.float32], list[str | None]]:
        features = np.asarray(given)
        if features.ndim != 2 or features.shape[1] != self._width or features.dtype.kind != "f":
            raise InputError(
                f"The model takes features as floating-point numbers of shape (N, {self._width}); these are "
                f"{features.dtype} of shape {features.shape}. Give features of the campaign's network."
            )
        with np.errstate(over="ignore"):
            kept = features.astype(np.float16) if self._scale is None else self._scale.apply(features)
        there = np.isfinite(kept).min(axis=1, initial=True)
        probabilities = self._head.probabilities(np.where(there[:, None], kept, np.float16(0)))
        probabilities[~there] = np.nan
        return probabilities, [None if one else NOT_FINITE for one in there]


def _classifier(
    folder: Path, description: ModelDescription, described: BackboneDescription, head: Head, weights: str
) -> "ImageClassifier":
    from labelcycle.components.core.backbones.build import attach_adapter, backbone_with_weights
    from labelcycle.components.core.models.image_classifier import ImageClassifier

    backbone = described.as_backbone()
    network = backbone_with_weights(backbone, read_weights(described, folder, weights))
    if description.adapter:
        network = attach_adapter(network, folder / ADAPTER_FOLDER)
    return ImageClassifier(network, backbone, head, len(description.classes))


def _table(probabilities: npt.NDArray[np.float32], reasons: list[str | None], classes: list[str]) -> pd.DataFrame:
    missing = np.array([reason is not None for reason in reasons], dtype=bool)
    likeliest = probabilities.argmax(axis=1)
    columns: dict[str, Any] = {
        "predicted": np.array(classes, dtype=object)[likeliest],
        "confidence": probabilities.max(axis=1, initial=0.0).astype(np.float64),
        **{f"probability_{name}": probabilities[:, row].astype(np.float64) for row, name in enumerate(classes)},
    }
    if missing.any():
        columns = {name: _objects(np.where(missing, None, values.astype(object))) for name, values in columns.items()}
    return pd.DataFrame({**columns, "reason": _objects(reasons)})


def _objects(values: Any) -> pd.Series:
    """A column in which None stays None."""
    return pd.Series(values, dtype=object)
