"""Images in the shards of WebDataset: tar archives in which the files of a sample follow one another under one name.

`cats/01.jpg` and `cats/01.cls` are a sample: its image, and its class. A class stands in `.cls`, or in `.json` as
`label` or `class`; a `.txt` may be a class or a caption.

Source: webdataset, "WebDataset Format".
"""

import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.images.inspection import Found
from labelcycle.components.core.images.listing import image_endings
from labelcycle.components.core.images.members import stretch_address
from labelcycle.components.core.images.source import MAX_BYTES
from labelcycle.components.labelling.json_text import read_json_text
from labelcycle.components.labelling.label_spellings import ONE_LABEL
from labelcycle.components.labelling.text_table import LABEL_NAMES
from labelcycle.pipelines.initialise.container_contents import Said, opened

GZIP = b"\x1f\x8b"
TEXTS = ("cls", "json", "txt")
LONGEST_TEXT = 1_000_000
"""Bytes of a file beside an image; longer ones are no class."""


def images_of_shard(name: str, uri: str, said: Said) -> Iterator[Found]:
    """The images of a shard with their bytes, in the order of the archive.

    Args:
        name: the shard's, with which ids begin.
        uri: its address.
        said: takes the labels, and what is passed over.

    Raises:
        InputError: it is compressed, no tar archive, cut or damaged; or a class is no text.

    Cost: one reading from front to back; memory for the files of one sample.
    """
    key, images, texts = "", list[Found](), dict[str, bytes]()
    for info, data in _files_in(uri):
        folder, slash, file = info.name.rpartition("/")
        stem, _, ending = file.partition(".")
        if folder + slash + stem != key:
            yield from _sample(images, texts, uri, said)
            key, images, texts = folder + slash + stem, [], {}
        if f".{ending.rpartition('.')[2].lower()}" in image_endings():
            address = stretch_address(uri, info.offset_data, info.size)
            images.append(
                Found(f"{name}/{info.name.removeprefix('./')}", address, data, steps=info.size + tarfile.BLOCKSIZE)
            )
        elif ending.lower() in TEXTS:
            texts[ending.lower()] = data
        else:
            said.passed_over[f"members ending in .{ending.lower()}"] += 1
    yield from _sample(images, texts, uri, said)


def _files_in(uri: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The plain files of an archive and their contents; what is never looked at is empty."""
    try:
        with opened(uri) as file:
            if file.read(len(GZIP)) == GZIP:
                raise InputError(
                    f"{uri} is compressed, so that no image in it can be read without all before it. Unpack it: gunzip."
                )
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:") as archive:
                while (info := archive.next()) is not None:
                    if info.size < 0:
                        raise ValueError(f"a member of {info.size} bytes")
                    archive.members.clear()  # type: ignore[attr-defined]  # else it remembers every file
                    base = info.name.rpartition("/")[2]
                    if not info.isreg() or info.issparse() or base.startswith((".", "__")):
                        continue
                    file.seek(info.offset_data)
                    yield info, file.read(info.size) if _is_wanted(info) else b""
                _refuse_cut(file, archive.offset, uri)
    except (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{uri} cannot be read as a tar archive: {error}. Make it again, or leave it out.") from error
    except MemoryError as error:  # the archive's reader takes as much as a header says before it looks for it
        raise InputError(
            f"{uri} cannot be read as a tar archive: a header speaks of more than fits into memory. Make it again, or "
            "leave it out."
        ) from error


def _refuse_cut(file: BinaryIO, end: int, uri: str) -> None:
    """Refuse an archive in which the empty block that ends it does not follow the last file."""
    file.seek(end)
    block = file.read(tarfile.BLOCKSIZE)
    if block == tarfile.NUL * tarfile.BLOCKSIZE:
        return
    if len(block) == tarfile.BLOCKSIZE:
        raise InputError(f"{uri} is damaged at byte {end:,}, where no file begins. Copy it again, or make it again.")
    raise InputError(
        f"{uri} ends at byte {end + len(block):,} without the empty blocks that end an archive: it was cut, and files "
        "may be missing. Copy it again, or make it again."
    )


def _is_wanted(info: tarfile.TarInfo) -> bool:
    ending = info.name.lower().rpartition(".")[2]
    return info.size <= (LONGEST_TEXT if ending in TEXTS else MAX_BYTES)


def _sample(images: list[Found], texts: dict[str, bytes], uri: str, said: Said) -> Iterator[Found]:
    """The image of a sample, the first of several, after its label was written down."""
    if not images:
        if texts:
            said.passed_over["labels without an image"] += 1
        return
    image = images[0]
    if images[1:]:
        said.passed_over["further images of a sample"] += len(images) - 1
    place = f"{uri}, {image.sample_id}"
    label = _text(texts["cls"], place) if "cls" in texts else _label_in(texts.get("json"), place)
    if label is not None:
        said.label(image.sample_id, label, place)
    elif "txt" in texts:
        said.captions[image.sample_id] = _text(texts["txt"], place)
    yield image


def _text(data: bytes, place: str) -> str:
    try:
        return data.decode().strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: its class is no UTF-8 text: {error}. Write it as such.") from error


def _label_in(data: bytes | None, place: str) -> str | None:
    """The class that JSON beside an image says; None where it says none."""
    if not data:
        return None
    try:
        content = read_json_text(data.decode())
    except ValueError as error:
        raise InputError(f"{place}: its .json cannot be read: {error}. Make it again.") from error
    if not isinstance(content, dict):
        return None
    value = next((content[name] for name in (*LABEL_NAMES, "cls") if name in content), None)
    if isinstance(value, dict | list):
        raise InputError(f"{place}: the label in its .json is a list or an object, but {ONE_LABEL}. Keep one.")
    return None if value is None else str(value).strip()
