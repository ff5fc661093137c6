"""What people call a sample: its id, a path to its image, or a name without folder or ending."""

import functools
from pathlib import Path


class SampleIds:
    """Resolves the names that people use for samples: the id, a path to the image, or its name without ending.

    Cost: memory for the ids. What other names need is made when the first one comes, O(N).
    """

    def __init__(self, uris: dict[str, str | None]) -> None:
        self._uris = uris

    def resolve(self, name: str) -> str | None:
        """The sample's id, or None where the name fits none or more than one."""
        if name in self._uris:
            return name
        plain = name.removeprefix("./")
        if plain in self._uris:
            return plain
        return self._by_uri.get(name) or self._by_uri.get(str(Path(name).absolute())) or self._by_short_name.get(plain)

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
