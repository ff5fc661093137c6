"""What people call a sample: its id, a path to its image, or a name without folder or ending."""

import functools
import unicodedata
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from pathlib import Path

from labelcycle.components.core.images.endings import ALL_ENDINGS
from labelcycle.components.labelling.image_names import name_of_upload, path_in_address

Uris = dict[str, str | None]
"""The addresses of images by sample id; None where a sample has no image."""

ENDINGS = (*ALL_ENDINGS, *map(str.upper, ALL_ENDINGS))
"""Of names that are surely those of files in full."""

Names = dict[str, str | None]
"""Ids of samples by another name; None for a name that several samples have."""

LONGEST_ID = 4096
"""Characters: as many as paths of files have at most."""


def fault_of_id(name: str) -> str | None:
    """What is wrong with a name as the id of a sample; None for a good one.

    Ids are written into tables, CSV files and messages and read back from there. Where they stand for files, those are
    found by the addresses in the pool's table and never by the id, so that `../a.jpg` is an id as good as others.
    """
    if name != name.strip():
        return "begins or ends with a space, which tables lose"
    if unprintable := control_characters_in(name):
        return unprintable
    return f"has more than {LONGEST_ID:,} characters" if len(name) > LONGEST_ID else None


def control_characters_in(text: str) -> str | None:
    """That an id or a label holds characters which steer terminals or are no text, in words; None where it is plain."""
    if not text.isprintable() and any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        return "holds control characters or bytes that are not UTF-8"
    return None


class SampleIds:
    """Resolves the names that people and tools use for samples.

    Those are the id; the address of the image, or a path to it; its file's name, with or without ending; and the end of
    its path from any folder on, such as `photos/00.png`. A name that is none of these is tried with slashes for its
    backslashes, as the path in a link, and without the sign that Label Studio puts before uploads. Letters count as the
    same in whichever Unicode form they are. What fits several samples names none.

    Cost: memory for the ids. What other names need is made when the first one comes, O(N).
    """

    def __init__(
        self, uris: Uris | Callable[[], Uris], expected: Collection[str] = (), gone: Container[str] = ()
    ) -> None:
        """Know the ids of all samples.

        Args:
            uris: addresses of images by sample id, or what reads them, which is called with the first name that is
                not among `expected`.
            expected: ids of some samples.
            gone: says of an id whether that sample was withdrawn; it is then known, though it may have no address.
        """
        self._given = uris
        self._expected = frozenset(expected)
        self._gone = gone
        self._by_end: dict[int, Names] = {}

    def resolve(self, name: str) -> str | None:
        """The sample's id, or None where the name fits none or more than one."""
        if name in self._expected or name in self._uris:
            return name
        for form in _forms(name) if name else ():
            found = self._found(unicodedata.normalize("NFC", form))
            if found is not None:
                return found
        return name if name in self._gone else None

    def resolve_all(self, names: Iterable[str]) -> list[str | None]:
        """What `resolve` says of each name."""
        expected, uris = self._expected, self._uris if not self._expected else {}
        return [name if name in expected or name in uris else self.resolve(name) for name in names]

    def is_id(self, name: str) -> bool:
        """Whether the name is a sample's id, and not another name of it."""
        return name in self._expected or name in self._uris

    @property
    def example(self) -> str:
        """The id of one of the samples, to show how they are called."""
        return min(self._uris, default="")

    def _found(self, name: str) -> str | None:
        plain = name.removeprefix("./")
        if plain in self._uris:
            return plain
        found = self._by_form.get(plain)
        if found is None and "/" in plain and plain.endswith(ENDINGS):
            found = self._ending_in(plain)  # before indices that a name with folder and ending has no need of
        if found := found or self._by_uri.get(name) or self._by_uri.get(self._absolute(name)):
            return found
        return self._by_short_name[plain] if plain in self._by_short_name else self._ending_in(plain)

    def _absolute(self, name: str) -> str:
        if name.startswith(".") or "//" in name or "/." in name or name.endswith("/"):
            return str(Path(name).absolute())
        return name if name.startswith("/") else f"{self._folder}/{name}"

    def _ending_in(self, name: str) -> str | None:
        """The sample of the one image whose path has these last parts."""
        end = name.removeprefix("/")
        depth = end.count("/") + 1
        if not end or depth > self._deepest:
            return None
        if depth not in self._by_end:
            ends = (_end_of(path, depth) for path in self._paths)
            self._by_end[depth] = _unambiguous(zip(ends, self._uris, strict=True))
        return self._by_end[depth].get(end)

    @functools.cached_property
    def _uris(self) -> Uris:
        return self._given() if callable(self._given) else self._given

    @functools.cached_property
    def _folder(self) -> str:
        return str(Path.cwd()).rstrip("/")

    @functools.cached_property
    def _paths(self) -> list[str]:
        """The path of each sample's image, or the id where it has none."""
        addresses = (uri or sample_id for sample_id, uri in self._uris.items())
        return [unicodedata.normalize("NFC", address).rpartition("://")[2] for address in addresses]

    @functools.cached_property
    def _deepest(self) -> int:
        return max((path.count("/") + 1 for path in self._paths), default=0)

    @functools.cached_property
    def _by_form(self) -> Names:
        """Ids that are not in the Unicode form in which names are compared."""
        other = (name for name in self._uris if not unicodedata.is_normalized("NFC", name))
        return _unambiguous((unicodedata.normalize("NFC", name), name) for name in other)

    @functools.cached_property
    def _by_uri(self) -> Names:
        return {unicodedata.normalize("NFC", uri): sample_id for sample_id, uri in self._uris.items() if uri}

    @functools.cached_property
    def _by_short_name(self) -> Names:
        """Names without folder, without ending, or without both, that mean one sample alone."""
        found: Names = {}
        for sample_id in self._uris:
            name = unicodedata.normalize("NFC", sample_id)
            start, end = name.rfind("/") + 1, name.rfind(".")
            shorts = {name[start:]}
            if name[start:end].strip("."):
                shorts |= {name[start:end], name[:end]}
            for short in shorts:
                if found.setdefault(short, sample_id) != sample_id:
                    found[short] = None
        return found


def _forms(name: str) -> Iterator[str]:
    """A name as it is written, and what it may mean beside that."""
    yield name
    if "\\" in name:
        name = name.replace("\\", "/")
        yield name
    if (path := path_in_address(name)) is not None:
        name = path
        yield name
    if (plain := name_of_upload(name)) is not None:
        yield plain


def _end_of(path: str, depth: int) -> str:
    first, *_ = parts = path.rsplit("/", depth)
    return path[len(first) + 1 :] if len(parts) > depth else path


def _unambiguous(names: Iterable[tuple[str, str]]) -> Names:
    """The sample of each name that means one sample alone."""
    found: Names = {}
    for name, sample_id in names:
        if found.setdefault(name, sample_id) != sample_id:
            found[name] = None
    return found
