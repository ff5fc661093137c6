"""What a recipe says about embedding: which tokens of a network become features, and who encodes captions."""

from typing import Annotated, Literal

from pydantic import Field

from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.storage.objects import ObjectReference, Record

Pooling = Literal["network", "cls", "mean", "cls_mean"]
"""How the tokens of a network become one vector: as the network does it by itself, its class token, the mean of its
patch tokens, or the class token and that mean side by side, twice as wide."""

AskedPooling = Literal["network", "cls", "mean", "cls_mean", "auto"]
"""What a recipe can ask for."""


class Embedding(Settings):
    """How features are made from images. It has no effect on embeddings that the user brings along.

    `pooling: auto` is `cls_mean` for a vision transformer with a class token, and `network` for any other network. A
    mean of patch tokens is without the class token and without registers.
    """

    pooling: AskedPooling = "network"


FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
"""A name without folder: stages lay the files into a folder of their own, and nowhere else."""


class TextEncoder(Settings):
    """A transformers model of text. A caption's features are the mean over its tokens.

    `files` are those of the model's folder that are needed to load it, by name.
    """

    name: str
    files: dict[FileName, ObjectReference]
    width: Annotated[int, Field(ge=1)]


class Provenance(Record):
    """What the features of a space depend on: `space.json`, whose digest is the space's name."""


class TextProvenance(Provenance):
    """What features of captions depend on: the encoder's files, and the table that holds the captions."""

    kind: Literal["texts"]
    encoder: str
    files_sha256: dict[str, str]
    samples_sha256: str


def text_provenance(encoder: TextEncoder, samples_sha256: str) -> TextProvenance:
    """The provenance of captions.

    Args:
        encoder: the campaign's.
        samples_sha256: of the table that holds the captions.
    """
    return TextProvenance(
        kind="texts",
        encoder=encoder.name,
        files_sha256={name: reference.sha256 for name, reference in sorted(encoder.files.items())},
        samples_sha256=samples_sha256,
    )
