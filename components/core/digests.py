"""Content digests: the names by which objects, attempts and feature spaces are known."""

import hashlib
import json
from pathlib import Path
from typing import Any


def digest_of_bytes(data: bytes) -> str:
    """SHA-256 of `data`, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's content, read in blocks, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """`value` as JSON that is the same for equal values: sorted keys, two-space indent, no NaN, final newline."""
    return (json.dumps(value, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def digest_of_json(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`, 64 hexadecimal digits."""
    return digest_of_bytes(canonical_json(value))
