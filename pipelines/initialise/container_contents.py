"""What files that hold images say beside these, and how they are opened."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.images.allowed_sources import allowed_image
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.images.opened_rows import open_file


@dataclass
class Said:
    """What containers say beside the images; their readers write it down as they go.

    Attributes:
        labels: text in the label's place, by id.
        places: where each such text stands first.
        captions: texts that may be classes, where nothing else says any, by id.
        remarks: what there is to say, each a few words and once.
        passed_over: what is no sample, and how often.
        names_in: the first file whose labels are numbers of classes that it names.
        numbers_in: the first file whose labels are numbers alone.
    """

    labels: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    captions: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    names_in: str = ""
    numbers_in: str = ""

    def label(self, sample_id: str, text: str, place: str) -> None:
        """Write down the text in the label's place of a sample."""
        self.labels[sample_id] = text
        self.places.setdefault(text, place)


@contextmanager
def opened(uri: str) -> Iterator[BinaryIO]:
    """A file that holds images, opened for reading parts of it.

    Raises:
        InputError: it cannot be opened.
        RefusedImage: it is not from an allowed source.
    """
    try:
        file = open_file(allowed_image(uri), uri)
    except UnreadableImage as error:
        raise InputError(f"{uri} {error}. Correct its name, or leave it out.") from error
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "no such object" if isinstance(error, OSError) else error
        raise InputError(f"{uri} cannot be read: {what}. Correct its name, or leave it out.") from error
    with file:
        yield file
