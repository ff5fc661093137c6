"""What people call a sample: its id, a path to its image, or a name without folder or ending."""

import functools
import unicodedata
from collections.abc import Callable, Collection
from pathlib import Path

Uris = dict[str, str | None]
"""The addresses of images by sample id; None where a sample has no image."""

LONGEST_ID = 4096
"""Characters: as many as paths of files have at most."""


def fault_of_id(name: str) -> str | None:
    """What is wrong with a name as the id of a sample; None for a good one.

    Ids are written into tables, CSV files and messages and read back from there. Where they stand for files, those are
    found by the addresses in the pool's table and never by the id, so that `../a.jpg` is an id as good as others.
    """
    if name != name.strip():
        return "begins or ends with a space, which tables lose"
    if not name.isprintable() and any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        return "holds control characters or bytes that are not UTF-8"
    return f"has more than {LONGEST_ID:,} characters" if len(name) > LONGEST_ID else None


class SampleIds:
    """Resolves the names that people use for samples: the id, a path to the image, or its name without ending.

    Cost: memory for the ids. What other names need is made when the first one comes, O(N).
    """

    def __init__(self, uris: Uris | Callable[[], Uris], expected: Collection[str] = ()) -> None:
        """Know the ids of all samples.

        Args:
            uris: addresses of images by sample id, or what reads them, which is called with the first name that is
                not among `expected`.
            expected: ids of some samples.
        """
        self._given = uris
        self._expected = frozenset(expected)

    def resolve(self, name: str) -> str | None:
        """The sample's id, or None where the name fits none or more than one."""
        if name in self._expected or name in self._uris:
            return name
        plain = name.removeprefix("./")
        if plain in self._uris:
            return plain
        return self._by_uri.get(name) or self._by_uri.get(str(Path(name).absolute())) or self._by_short_name.get(plain)

    @functools.cached_property
    def _uris(self) -> Uris:
        return self._given() if callable(self._given) else self._given

    @functools.cached_property
    def _by_uri(self) -> dict[str, str]:
        return {uri: sample_id for sample_id, uri in self._uris.items() if uri}

    @functools.cached_property
    def _by_short_name(self) -> dict[str, str]:
        """Names without folder, without ending, or without both, that mean one sample alone."""
        stems: dict[str, list[str]] = {}
        for sample_id in self._uris:
            path = Path(sample_id)
            for short in {path.name, path.stem, str(path.parent / path.stem)}:
                stems.setdefault(short, []).append(sample_id)
        return {short: ids[0] for short, ids in stems.items() if len(ids) == 1}
