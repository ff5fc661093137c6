"""Which frozen text encoder makes features of captions, down to the bytes of its files."""

from typing import Annotated, Any

from pydantic import Field

from labelcycle.components.core.objects import ObjectReference
from labelcycle.components.core.settings import Settings

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
"""A name without folder: stages lay the files into a folder of their own, and nowhere else."""


class TextEncoder(Settings):
    """A transformers model of text. A caption's features are the mean over its tokens.

    `files` are those of the model's folder that are needed to load it, by name.
    """

    name: str
    files: dict[FileName, ObjectReference]
    width: Annotated[int, Field(ge=1)]


def text_provenance(encoder: TextEncoder, samples_sha256: str) -> dict[str, Any]:
    """What a space of caption features depends on: the encoder's files, and the table that holds the captions."""
    return {
        "kind": "texts",
        "encoder": encoder.name,
        "files_sha256": {name: reference.sha256 for name, reference in sorted(encoder.files.items())},
        "samples_sha256": samples_sha256,
    }
