"""Samples from a manifest: a table that names images, and may say the label and the split of each."""

import posixpath
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import unquote

from labelcycle.components.core.errors import ConfigurationError, InputError, names_in_words, near_miss, printable
from labelcycle.components.core.images.allowed_sources import image_address
from labelcycle.components.core.images.inspection import Found, inspect_images
from labelcycle.components.labelling.cells import FURTHER_ID_NAMES, ID_NAMES
from labelcycle.components.labelling.label_folder import source_file
from labelcycle.components.labelling.label_texts import labels_meant
from labelcycle.components.labelling.sample_ids import fault_of_id
from labelcycle.components.labelling.text_table import LABEL_NAMES, read_text_table
from labelcycle.components.labelling.unlabelled import unlabelled_in_words
from labelcycle.pipelines.initialise.ground_truth import ENDING, is_ground_truth, read_ground_truth
from labelcycle.pipelines.initialise.inspected_source import reading_of, refuse_too_many
from labelcycle.pipelines.initialise.manifest_rows import ManifestRows
from labelcycle.pipelines.initialise.reading import listed
from labelcycle.pipelines.initialise.samples import Samples, labelled_samples

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ENDING)

ADDRESS_NAMES = ("uri", *(name for name in FURTHER_ID_NAMES if name != "uri"), "path", "filename", "file", "image")
"""Columns that say where an image is, the first that is there; where none is, those that name samples do."""

SPLIT = "split"
SPLITS = {
    **dict.fromkeys(("", "pool", "train", "training", "val", "valid", "validation"), "pool"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What a split is for; another split for validation is named by `--val`."""


def samples_from_manifest(uri: str, max_unreadable_share: float, classes: Collection[str] | None = None) -> Samples:
    """Inspect the images that a manifest names.

    Addresses are relative to the manifest's folder, absolute paths, or `s3://`. The id of a sample is its path below
    that folder, or else its address; a column `sample_id` beside that of addresses says another.

    Args:
        uri: a path or `s3://` URI of a table (`read_text_table`) or of a manifest of SageMaker Ground Truth.
        max_unreadable_share: of the images, so many may be set aside.
        classes: that are named, each of which is a label whatever it is called; None where none are.

    Raises:
        InputError: no such file, no column of addresses, an empty address, one that is never fetched, an image or a
            name twice with different labels, an unknown split, a test image without label; the row is named.

    Cost: as `inspect_images`; memory for the rows.
    """
    with source_file(uri, ENDINGS) as path:
        found = read_ground_truth(path, uri) if is_ground_truth(path, uri) else _rows_of_table(path, uri)
    meant = labels_meant(
        dict.fromkeys(found.labels), classes, lambda text: f"{uri}, row {found.rows[found.labels.index(text)]}"
    )
    images, labels, splits, repeated = _images(found, meant, uri, folder_of(uri))
    faults = [(image, fault) for image in images.values() if (fault := fault_of_id(image.sample_id))]
    wrong = {image.sample_id for image, _ in faults}
    inspected = inspect_images([image for image in images.values() if image.sample_id not in wrong], len(images))
    for image, fault in faults:
        inspected.set_aside(printable(image.sample_id), printable(image.uri), f"the name {fault} ({image.place})")
    refuse_too_many(inspected, max_unreadable_share, uri)
    reading = reading_of(inspected, uri, _remarks(found, meant, splits), repeated)
    return labelled_samples(inspected, labels, splits, reading)


def _rows_of_table(path: Path, uri: str) -> ManifestRows:
    table = read_text_table(path, uri, (*ADDRESS_NAMES, *LABEL_NAMES, SPLIT))
    address = next((name for name in ADDRESS_NAMES if name in table.columns), None)
    names: Sequence[str] = [""] * len(table.rows)
    if address is None:
        sample_ids = read_text_table(path, uri, ID_NAMES)
        address = next((name for name in ID_NAMES if name in sample_ids.columns), None)
        if address is None:
            raise InputError(
                f"{uri} has no column that says where the images are, such as uri; its columns are "
                f"{names_in_words(table.names)}."
            )
        table.columns[address] = sample_ids.columns[address]
    elif ID_NAMES[0] in table.names:
        names = read_text_table(path, uri, ID_NAMES[:1]).columns[ID_NAMES[0]]
    label = next((name for name in LABEL_NAMES if name in table.columns), "")
    read = {address, label, SPLIT, ID_NAMES[0]}
    return ManifestRows(
        rows=table.rows,
        addresses=table.columns[address],
        names=names,
        labels=table.optional_column(label),
        splits=table.optional_column(SPLIT),
        unread=[name for name in table.names if name not in read],
    )


def _images(
    found: ManifestRows, meant: dict[str, str], uri: str, folder: str
) -> tuple[dict[str, Found], dict[str, str], dict[str, str], str]:
    """Each image by its address, labels and splits by id, and what is passed over because it is there already."""
    images: dict[str, Found] = {}
    labels: dict[str, str] = {}
    splits: dict[str, str] = {}
    said: dict[str, tuple[int, str, str]] = {}
    named: dict[str, int] = {}
    again: list[int] = []
    for row, cell, name, text, split_text in zip(
        found.rows, found.addresses, found.names, found.labels, found.splits, strict=True
    ):
        place = f"{uri}, row {row}"
        address = address_in(cell, folder, place)
        label, split = meant[text], _split(split_text, place)
        if address in said:
            first, before, split_before = said[address]
            if (label, split) != (before, split_before):
                here, there = (label, before) if label != before else (split, split_before)
                raise InputError(
                    f"{place}: {cell!r} is {here or 'not labelled'!r} here but {there or 'not labelled'!r} in row "
                    f"{first}. Keep the row that is right."
                )
            again.append(row)
            continue
        said[address] = row, label, split
        sample_id = name or address.removeprefix(f"{folder}/")
        if (first := named.setdefault(sample_id, row)) != row:
            raise InputError(
                f"{place}: {sample_id!r} names another image in row {first}. Give each image its own name."
            )
        if split == "test":
            if not label:
                raise InputError(f"{place}: the test image {cell!r} has no label. Give it one, or another split.")
            splits[sample_id] = split
        if label:
            labels[sample_id] = label
        images[address] = Found(sample_id, address, place=place)
    if not images:
        raise InputError(f"{uri} names no image. Write one into each row.")
    repeated = f"rows that repeat others: {len(again):,}, first row {again[0]}" if again else ""
    return images, labels, splits, repeated


def address_in(cell: str, folder: str, place: str) -> str:
    """The address of an image, absolute, as a file in a folder names it.

    Raises:
        InputError: it is empty, or never fetched; the place is named.
    """
    if not cell:
        raise InputError(f"{place}: the image's address is empty. Fill it in or delete the row.")
    if "\\" in cell and "/" not in cell:
        cell = cell.replace("\\", "/")
    if "://" in cell or cell.startswith("/"):
        try:
            return image_address(cell)
        except ConfigurationError as error:
            raise InputError(f"{place}: {error}") from error
    start, slashes, rest = f"{folder}/{cell}".rpartition("://")
    return f"{start}{slashes}{posixpath.normpath(rest)}"


def folder_of(uri: str) -> str:
    """The folder in which a file lies, as addresses of its images begin."""
    if uri.startswith("s3://"):
        return uri.rpartition("/")[0]
    path = unquote(uri.removeprefix("file://").removeprefix("localhost")) if uri.startswith("file://") else uri
    return str(Path(path).expanduser().absolute().parent)


def _split(text: str, place: str) -> str:
    split = SPLITS.get(text.casefold())
    if split is None:
        guess = near_miss(text, SPLITS)
        raise InputError(f"{place}: split {text!r} is not one of {', '.join(filter(None, SPLITS))}.{guess}")
    return split


def _remarks(found: ManifestRows, meant: dict[str, str], splits: dict[str, str]) -> list[str]:
    remarks = []
    if splits:
        remarks.append(f"{len(splits):,} of the split test are the test set")
    if pools := sorted(
        {text for text in found.splits if SPLITS[text.casefold()] == "pool" and text not in ("", "pool")}
    ):
        remarks.append(f"{' and '.join(pools)} {'is' if len(pools) == 1 else 'are'} the pool")
    none = Counter(text for text in found.labels if not meant[text])
    if any(none):
        remarks.append(unlabelled_in_words(none, len(found.rows)))
    if found.unread:
        remarks.append(f"columns that are not read: {listed([_with_guess(name, found) for name in found.unread])}")
    return remarks


def _with_guess(name: str, found: ManifestRows) -> str:
    """A column that is not read, and what it may have been meant for."""
    lacking = [*(LABEL_NAMES if not any(found.labels) else ()), *([SPLIT] if not any(found.splits) else ())]
    guess = near_miss(name, lacking).strip()
    return f"{name!r} ({guess[0].lower()}{guess[1:]})" if guess else repr(name)
