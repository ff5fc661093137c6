"""Samples from a file of embeddings that a team already has: Parquet or npz."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.digests import digest_of_file
from labelcycle.components.core.errors import InputError, names_in_words
from labelcycle.components.core.features.half_precision import FeatureScale, scale_for_half_precision
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.parquet_files import open_parquet, texts_in
from labelcycle.components.labelling.sample_ids import fault_of_id
from labelcycle.components.labelling.unlabelled import is_no_label, unlabelled_in_words
from labelcycle.pipelines.initialise.npz_file import read_npz, texts_of
from labelcycle.pipelines.initialise.reading import Reading
from labelcycle.pipelines.initialise.samples import Samples

SPLITS = ("pool", "val", "test")

UNLABELLED = -1
"""The index of no class, as scikit-learn has it."""


def samples_from_embeddings(
    uri: str,
    scale: FeatureScale | Literal["as needed"] | None = "as needed",
    classes: Collection[str] | None = None,
) -> Samples:
    """Read embeddings. Those that float16 cannot hold as they are are centred and scaled, and a notice says so.

    Another says how many labels are missing: empty ones, NaN, and what else stands for no label (`is_no_label`).

    Args:
        uri: a path or `s3://` URI. Parquet: `sample_id`, `feature` (a list of numbers, all of one length), optionally
            `label` and `split`. npz: `ids`, `features` (N, d), optionally `labels` (names, or indices into `classes`)
            and `splits`. Splits are `pool`, `val` and `test`.
        scale: what a model's own features were centred and scaled by, so that these are too; None for not at all.
        classes: that are named, each of which is a label whatever it is called; None where none are.

    Raises:
        InputError: unreadable, wrong columns or shapes, duplicate or empty ids, features with NaN, an unknown split;
            each is named.

    Cost: memory for the features in float16 and in the file's own type.
    """
    folder, slash, name = uri.rpartition("/")
    store = open_store(folder + slash if slash else ".")
    try:
        path = store.fetch(name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"There is no embeddings file {uri}. Correct its name.") from error
    if name.endswith(".npz"):
        content = _read_npz(path, uri)
    elif name.endswith(".parquet"):
        content = _read_parquet(path, uri)
    else:
        raise InputError(f"{uri}: embeddings are read from .parquet or .npz files.")
    labels = _labels(content, uri, classes)
    samples = _samples(content, uri, digest_of_file(path), scale)
    reading = Reading(uri, read=len(samples.uris), remarks=[f"{len(labels):,} with a label"] if labels else [])
    return replace(samples, labels=labels, reading=reading)


def samples_of_arrays(
    ids: Sequence[str], features: npt.NDArray[Any], source: str, splits: Sequence[str] | None = None
) -> Samples:
    """Embeddings in memory as those of a file: checked, sorted by id, and kept as campaigns keep them.

    Args:
        ids: N distinct ids.
        features: (N, d), of any float type.
        source: what messages call them.
        splits: `pool`, `val` or `test` for each, or None for none.

    Raises:
        InputError: as `samples_from_embeddings`.
    """
    return _samples(
        _Content(list(ids), features, None, None if splits is None else list(splits)), source, "", "as needed"
    )


@dataclass(frozen=True)
class _Content:
    """What a file of embeddings holds: a text a sample in each list, empty for none; features are yet unchecked."""

    ids: list[str]
    features: npt.NDArray[Any]
    labels: list[str] | None
    splits: list[str] | None


def _read_npz(path: Path, uri: str) -> _Content:
    content = read_npz(path, uri, ("ids", "features", "labels", "classes", "splits"))
    _require(content, ("ids", "features"), uri)
    for name in ("ids", "labels", "splits"):
        if name in content and (content[name].ndim != 1 or len(content[name]) != content["ids"].size):
            raise InputError(
                f"{uri}: `{name}` has shape {content[name].shape}; it must hold one value for each of the "
                f"{content['ids'].size} ids."
            )
    labels = content.get("labels")
    if labels is not None and "classes" in content and np.issubdtype(labels.dtype, np.integer):
        classes = content["classes"]
        if classes.ndim != 1:
            raise InputError(f"{uri}: `classes` has shape {classes.shape}; it must be one list of names.")
        if len(labels) and not (labels.min() >= UNLABELLED and labels.max() < len(classes)):
            raise InputError(
                f"{uri}: `labels` hold an index outside `classes` (0 to {len(classes) - 1}, or {UNLABELLED} for none)."
            )
    else:
        classes = None
    try:
        return _Content(
            ids=texts_of(content["ids"], "ids"),
            features=content["features"],
            labels=None if labels is None else _label_texts(labels, classes),
            splits=None if "splits" not in content else texts_of(content["splits"], "splits"),
        )
    except ValueError as error:
        raise InputError(f"{uri} cannot be read as npz: {error}.") from error


def _label_texts(labels: npt.NDArray[Any], classes: npt.NDArray[Any] | None) -> list[str]:
    """The labels as text: as they are, or where there are classes, the names that their numbers mean."""
    if classes is None:
        return texts_of(labels, "labels")
    names = [*texts_of(classes, "classes"), ""]
    return [names[number] for number in labels.tolist()]


def _read_parquet(path: Path, uri: str) -> _Content:
    size = path.stat().st_size
    try:
        with open_parquet(path) as file:
            names = file.schema_arrow.names
            _require(names, ("sample_id", "feature"), uri)
            wanted = [name for name in ("sample_id", "label", "split") if name in names]
            for name in (*wanted, "feature"):
                if names.count(name) > 1:
                    raise ValueError(f"there is more than one column {name!r}")
            texts = {name: texts_in(file, name, size) for name in wanted}
            features = file.read(["feature"], use_threads=False).column(0)
            features.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise InputError(f"{uri} cannot be read as Parquet: {error}.") from error
    return _Content(texts["sample_id"], _list_column(features, uri), texts.get("label"), texts.get("split"))


def _list_column(column: pa.ChunkedArray, uri: str) -> npt.NDArray[np.floating]:
    """A column of lists of one length as a (rows, width) array."""
    array = column.combine_chunks()
    if not (
        pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type)
    ):
        raise InputError(f"{uri}: column `feature` holds {array.type}; it must hold lists of numbers.")
    widths = np.unique(pa.compute.list_value_length(array).to_numpy(zero_copy_only=False))
    if array.null_count or len(widths) != 1:
        raise InputError(
            f"{uri}: the vectors in `feature` must all be there and of one length; found {widths.tolist()}."
        )
    values: npt.NDArray[np.floating] = array.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(array), -1)


def _samples(content: _Content, uri: str, sha256: str, scale: FeatureScale | Literal["as needed"] | None) -> Samples:
    ids, features = content.ids, np.asarray(content.features)
    if (
        features.ndim != 2
        or not features.shape[1]
        or not np.issubdtype(features.dtype, np.floating)
        or len(features) != len(ids)
    ):
        raise InputError(
            f"{uri}: expected {len(ids)} feature vectors of floating-point numbers, one an id; "
            f"found an array of shape {features.shape} and type {features.dtype}."
        )
    _check_ids(ids, uri)
    _check_finite(features, ids, uri)
    order = sorted(range(len(ids)), key=lambda row: ids[row])
    splits = {} if content.splits is None else {ids[row]: split for row in order if (split := content.splits[row])}
    unknown = sorted(set(splits.values()) - set(SPLITS))
    if unknown:
        raise InputError(f"{uri}: split {unknown[0]!r} is not one of {', '.join(SPLITS)}.")
    features = features[order]
    if scale == "as needed":
        scale, lost = scale_for_half_precision(features)
        if scale is not None:
            notice(
                f"{uri}: float16, in which features are kept, would lose {lost}, so each dimension is centred and "
                "scaled by its own mean and spread first; labelcycle predict does the same to new features."
            )
    if scale is not None and len(scale.scale) == features.shape[1]:
        features = scale.apply(features)
        _check_finite(features, [ids[row] for row in order], uri)
    return Samples(
        uris={ids[row]: None for row in order},
        splits=splits,
        features=features.astype(np.float16, copy=False),
        source_sha256=sha256,
        scale=scale,
    )


def _labels(content: _Content, uri: str, classes: Collection[str] | None) -> dict[str, str]:
    """The labels by id, sorted; those that mean none are left out and counted in a notice."""
    if content.labels is None:
        return {}
    missing = Counter(text for text in content.labels if is_no_label(text.strip(), classes))
    if missing:
        notice(f"{uri}: {unlabelled_in_words(missing, len(content.labels))}.")
    pairs = sorted(zip(content.ids, content.labels, strict=True))
    return {sample_id: text for sample_id, text in pairs if text not in missing}


def _check_ids(ids: list[str], uri: str) -> None:
    if not ids:
        raise InputError(f"{uri} holds no samples.")
    seen: dict[str, int] = {}
    for row, name in enumerate(ids):
        if not name:
            raise InputError(f"{uri}: row {row + 1} has no id. Give every sample one.")
        if fault := fault_of_id(name):
            raise InputError(f"{uri}: id {name!r} in row {row + 1} {fault}. Give the sample another id.")
        if name in seen:
            raise InputError(f"{uri}: id {name!r} appears in rows {seen[name]} and {row + 1}. Ids must be unique.")
        seen[name] = row + 1


def _check_finite(features: npt.NDArray[np.floating], ids: list[str], uri: str) -> None:
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(features.astype(np.float16)).all(axis=1)
    if bad.any():
        names = ", ".join(repr(ids[row]) for row in np.flatnonzero(bad)[:5])
        raise InputError(
            f"{uri}: {int(bad.sum())} feature vectors hold NaN, infinite values or values beyond ±65504 (features are "
            f"kept as float16): {names}. Correct, scale or remove them."
        )


def _require(present: Collection[str], names: tuple[str, ...], uri: str) -> None:
    missing = [name for name in names if name not in present]
    if missing:
        raise InputError(f"{uri} lacks {', '.join(missing)}; it holds {names_in_words(present)}.")
