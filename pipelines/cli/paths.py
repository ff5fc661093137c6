"""Paths as the user writes them."""

from pathlib import Path


def absolute(path: str) -> str:
    """A path of the working directory made absolute, because stages resolve others against the campaign's root.

    URIs, and the empty text that stands for no path, stay as they are.
    """
    return str(Path(path).absolute()) if path and "://" not in path else path
