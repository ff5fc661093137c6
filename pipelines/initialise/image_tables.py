"""Images in a column of Parquet files or Arrow streams, as Hugging Face's datasets have them, with a class a row."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.images.image_rows import IMAGE_NAMES, bytes_in, image_column, paths_in
from labelcycle.components.core.images.inspection import Found
from labelcycle.components.core.images.members import row_address
from labelcycle.components.core.images.opened_rows import images_in, schema_of
from labelcycle.components.labelling.label_spellings import ONE_LABEL
from labelcycle.components.labelling.text_table import LABEL_NAMES
from labelcycle.pipelines.initialise.container_contents import Said, opened
from labelcycle.pipelines.initialise.manifest import ADDRESS_NAMES, address_in, folder_of
from labelcycle.pipelines.initialise.reading import listed

FAULTS = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError)
"""What reading a damaged file raises: of times that no clock shows, and of sizes that no memory has, too."""

UNLABELLED = -1
"""The index of no class, as datasets have it where labels are kept back."""

DIGITS = 7
"""Of the number of a row in ids, so that rows come in their order."""


def holds_images(uri: str) -> bool:
    """Whether a Parquet file or an Arrow stream holds images, rather than naming them: bytes may be other things, too.

    Raises:
        InputError: it is neither.
    """
    try:
        with opened(uri) as file:
            schema = schema_of(file, uri)
            column = image_column(schema)
            surely = column in IMAGE_NAMES or (column is not None and pa.types.is_struct(schema.field(column).type))
            return surely or (column is not None and not any(name in schema.names for name in ADDRESS_NAMES))
    except FAULTS as error:
        raise InputError(f"{uri} cannot be read as its ending says: {error}.") from error


def images_of_table(name: str, uri: str, said: Said) -> Iterator[Found]:
    """The images of a Parquet file or an Arrow stream with their bytes, row by row.

    An id is the file's name, the number of the row and, where the image has one, its own name. An image of which only
    the path is there is read from it, relative to the file's folder.

    Args:
        name: the file's, with which ids begin.
        uri: its address.
        said: takes the labels, and what there is to say.

    Raises:
        InputError: it is no such file, a label is a list or outside the names of classes, or an image lies where none
            is fetched (the row is named); or labels are numbers here and names in another file.

    Cost: one reading from front to back; memory for a page of each column, or a batch of a stream.
    """
    try:
        with opened(uri) as file:
            column = images_in(file, uri)
            schema = column.schema
            label = label_column(schema, said)
            classes = class_names(schema).get(label or "")
            unread = [other for other in schema.names if other not in (column.name, label)]
            if unread:
                said.remarks[f"columns that are not read: {listed(sorted(unread))}"] = None
            row = 0
            for batch in column.batches([label] if label else []):
                images, paths = batch.column(column.name), paths_in(batch.column(column.name))
                if label:
                    _refuse_numbers_beside_names(batch.column(label), classes, uri, said)
                texts = _texts(batch.column(label), classes, uri, row) if label else [None] * len(paths)
                for image, path, text in zip(bytes_in(images), paths, texts, strict=True):
                    own = path.rpartition("/")[2]
                    sample_id = f"{name}/{row:0{DIGITS}d}" + (f"/{own}" if own else "")
                    if text is not None:
                        said.label(sample_id, text, f"{uri}, row {row + 1}")
                    if not image.is_valid and path:
                        yield Found(sample_id, address_in(path, folder_of(uri), f"{uri}, row {row + 1}"), steps=0)
                    else:
                        data = image.as_buffer().to_pybytes() if image.is_valid else b""
                        yield Found(sample_id, row_address(uri, column.name, row), data, steps=len(data))
                    row += 1
    except FAULTS as error:
        raise InputError(f"{uri} cannot be read as a table of images: {error}.") from error


def label_column(schema: pa.Schema, said: Said) -> str | None:
    """The column that says the class: `label` or `class`, or else the one whose classes have names."""
    if (name := next((name for name in LABEL_NAMES if name in schema.names), None)) is not None:
        return name
    named = [name for name in class_names(schema) if name in schema.names]
    if len(named) > 1:
        said.remarks[f"the columns {listed(named)} all say a class, and none is read: rename one to label"] = None
    return named[0] if len(named) == 1 else None


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """The names of classes by column, in the order of their numbers, as datasets write them into the metadata."""
    try:
        content: Any = json.loads((schema.metadata or {})[b"huggingface"])
        features = content["info"]["features"]
        found = {name: feature["names"] for name, feature in features.items() if "names" in feature}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}
    return {
        name: names
        for name, names in found.items()
        if isinstance(names, list) and all(isinstance(one, str) for one in names)
    }


def _refuse_numbers_beside_names(column: pa.Array, classes: list[str] | None, uri: str, said: Said) -> None:
    """Refuse numbers of classes where another file has names for them: a class would be two."""
    if classes is not None:
        said.names_in = said.names_in or uri
    elif pa.types.is_integer(column.type) and set(column.to_pylist()) - {None, UNLABELLED}:
        said.numbers_in = said.numbers_in or uri
    if said.names_in and said.numbers_in:
        raise InputError(
            f"{said.names_in} names its classes, but {said.numbers_in} only numbers them: one class would become "
            "two. Write both with the same metadata, or leave one out."
        )


def _texts(column: pa.Array, classes: list[str] | None, uri: str, start: int) -> list[str]:
    """The label of each row as text; numbers of classes become their names."""
    if pa.types.is_nested(column.type):
        raise InputError(f"{uri}: its labels are lists or objects, but {ONE_LABEL}. Keep one a row.")
    texts = []
    for row, value in enumerate(column.to_pylist(), start=start):
        if value is None or value != value:
            texts.append("")
        elif classes is None or not isinstance(value, int):
            texts.append((value.decode() if isinstance(value, bytes) else str(value)).strip())
        elif UNLABELLED <= value < len(classes):
            texts.append(classes[value] if value != UNLABELLED else "")
        else:
            raise InputError(
                f"{uri}, row {row + 1}: label {value} is not among the {len(classes)} names of classes in the file's "
                "metadata. Correct it."
            )
    return texts
