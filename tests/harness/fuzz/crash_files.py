"""Inputs that once broke a reader: files that are kept, and read again by every test run."""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent / "crashes"


def keep(folder: Path, target: str, data: bytes) -> Path:
    """Keep an input under a name made from its content."""
    path = folder / target / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def kept(folder: Path = FOLDER) -> list[tuple[str, Path]]:
    """The target and the file of every input that is kept."""
    return sorted((path.parent.name, path) for path in folder.glob("*/*") if path.is_file())
