"""Predictions of a committed model as a table: of images, or of features for campaigns on embeddings."""

from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.pipelines.api.feature_input import probabilities_of
from labelcycle.pipelines.api.places import checked_place
from labelcycle.pipelines.api.python_arguments import whole_number
from labelcycle.pipelines.models.choice import Chosen
from labelcycle.pipelines.models.prediction_files import Layout, Predictions

if TYPE_CHECKING:
    import pandas as pd


def prediction_frame(
    chosen: Chosen, images: Any, batch_size: int = 64, top: int = 1, probabilities: bool = False
) -> "pd.DataFrame":
    """See `Campaign.predict`.

    Args:
        chosen: the model.
        images: what to classify.
        batch_size: images a forward pass.
        top: how many classes of each are listed.
        probabilities: whether there is a column for each class.
    """
    top, batch_size = whole_number("top", top, 1), whole_number("batch_size", batch_size, 1)
    layout = Layout(chosen.campaign.classes, top, probabilities)
    if chosen.campaign.backbone is None:
        return _frame(*_of_features(chosen, images), layout)
    if hasattr(images, "columns"):
        raise InputError('images is a table, not a list of paths. Give the column that holds them: table["image"].')
    if isinstance(images, bytes | bytearray) or not isinstance(images, Iterable | PathLike):
        raise _no_path(images)
    if isinstance(images, str | PathLike):
        from labelcycle.pipelines.models.classify_images import images_named

        found = images_named(_address(images))
        names: list[Any] = list(found)
    else:
        names = [_address(image) for image in images]
        found = {name: name for name in names}
    batches = _of_images(chosen, found, batch_size)
    row = {name: number for number, name in enumerate(found)}
    rows = [row[name] for name in names]
    shares = np.concatenate([np.empty((0, len(layout.classes)), np.float32), *(part.probabilities for part in batches)])
    reasons = [reason for part in batches for reason in part.reasons]
    return _frame(
        [name for part in batches for name in part.images] if isinstance(images, str | PathLike) else names,
        shares[rows],
        [reasons[number] for number in rows],
        layout,
    )


def _of_images(chosen: Chosen, found: dict[str, str], batch_size: int) -> list[Predictions]:
    from labelcycle.pipelines.models.classify_images import classify_images

    batches = []
    if found:
        with Progress("predict", len(found), "image") as progress:
            for batch in classify_images(chosen, found, batch_size):
                batches.append(batch)
                progress.advance(len(batch.images))
    return batches


def _of_features(chosen: Chosen, features: Any) -> tuple[list[Any], npt.NDArray[np.float32], list[str | None]]:
    if not isinstance(features, str | PathLike):
        shares = probabilities_of(features, chosen.head, chosen.feature_scale)
        return list(range(len(shares))), shares, [None] * len(shares)
    from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings

    samples = samples_from_embeddings(checked_place("images", features), chosen.feature_scale)
    assert samples.features is not None
    shares = probabilities_of(samples.features, chosen.head, None)
    return list(samples.uris), shares, [None] * len(shares)


def _address(image: object) -> str:
    if not isinstance(image, str | PathLike):
        raise _no_path(image)
    if not fspath(image).strip():
        raise InputError("images holds an empty path, which names no image. Give a path, or '.' for this folder.")
    return fspath(image)


def _no_path(image: object) -> InputError:
    return InputError(
        f"Images are paths or s3:// URIs; got {type(image).__name__}. Save it as a file first, or give bytes or "
        "pixels to the model in MLflow: mlflow.pyfunc.load_model."
    )


def _frame(
    names: Sequence[Any], shares: npt.NDArray[np.float32], reasons: Sequence[str | None], layout: Layout
) -> "pd.DataFrame":
    import pandas as pd

    ranked = layout.ranked(shares)
    columns: dict[str, Any] = {"image": list(names)}
    for rank, (label, share) in enumerate(layout.pairs()):
        classes = [layout.classes[number] for number in ranked[:, rank]]
        columns[label] = [None if reason else name for name, reason in zip(classes, reasons, strict=True)]
        columns[share] = np.take_along_axis(shares, ranked[:, rank : rank + 1], axis=1)[:, 0]
    if layout.probabilities:
        columns |= {f"probability_{name}": shares[:, number] for number, name in enumerate(layout.classes)}
    return pd.DataFrame({**columns, "reason": pd.Series(list(reasons), dtype=object)})
