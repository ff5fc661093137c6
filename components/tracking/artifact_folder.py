"""A temporary folder for what goes to MLflow, whose client uploads folders."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder_of(files: Mapping[str, bytes]) -> Iterator[str]:
    """A temporary folder with these files, by path in it."""
    with tempfile.TemporaryDirectory(prefix="labelcycle-mlflow-") as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield folder
