"""Arrays in npz files from outside: what a file says of itself is checked before it is believed."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage.parquet_files import refuse_expansion

LAST_CHARACTER = 0x10FFFF
SURROGATES = range(0xD800, 0xE000)


def read_npz(path: Path, uri: str, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Those arrays of an npz file that are called `names`, by name.

    Args:
        path: the file.
        uri: what it is called, for messages.
        names: of the arrays; others are not read.

    Raises:
        InputError: it is none, is damaged, holds Python objects, or would come to far more in memory than it is.

    Cost: memory for the arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist()}
            wanted = {name: members[f"{name}.npy"] for name in names if f"{name}.npy" in members}
            refuse_expansion(sum(info.file_size for info in wanted.values()), path.stat().st_size)
            return {name: _read_array(archive, info) for name, info in wanted.items()}
    except (OSError, ValueError, EOFError, LookupError, RuntimeError, TypeError, SyntaxError, OverflowError) as error:
        raise InputError(f"{uri} cannot be read as npz: {error}.") from error
    except (zipfile.BadZipFile, zlib.error, tokenize.TokenError) as error:
        raise InputError(f"{uri} cannot be read as npz: {error}.") from error


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """An array whose header says as many bytes as follow it: numpy would take the memory before it looks."""
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise ValueError(f"{info.filename} has version {version} of the format; save it with another numpy")
        shape, _, kind = read_header(file)
        if kind.hasobject:
            name = info.filename.removesuffix(".npy")
            plain = '"float32"' if name == "features" else "str"
            raise ValueError(
                f"`{name}` has the type {kind}, whose values are pickled, and pickles are never read; save "
                f"`{name}.astype({plain})` in its place"
            )
        if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize != info.file_size - file.tell():
            raise ValueError(f"{info.filename} says that it holds {shape} of {kind}, but has another size")
    with archive.open(info) as file:
        array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def texts_of(array: npt.NDArray[Any], name: str) -> list[str]:
    """Names as text, whether numpy kept them as text, bytes or numbers; empty for NaN, as in Parquet.

    Args:
        array: of one dimension.
        name: what it is called, for messages.

    Raises:
        ValueError: they are something else, or no characters.
    """
    if array.ndim != 1 or array.dtype.kind not in "USiufbM":
        raise ValueError(f"`{name}` has shape {array.shape} and type {array.dtype}; it must be one list of names")
    if array.dtype.kind == "U" and array.size and array.itemsize:
        codes = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).view(np.uint32)
        if (codes > LAST_CHARACTER).any() or ((codes >= SURROGATES.start) & (codes < SURROGATES.stop)).any():
            raise ValueError(f"`{name}` holds numbers that are not characters")
    return [_text(value) for value in array.tolist()]


def _text(value: object) -> str:
    if value != value:
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)
