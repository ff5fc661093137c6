"""Finding a planted secret in what a program left behind, in whatever form it may have got there."""

import base64
import io
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq


def forms_of(secret: str) -> set[bytes]:
    """The secret as it is, percent-encoded, and in base64 at whatever place of a longer text it stood."""
    data = secret.encode()
    encoded = {
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
        urllib.parse.quote(urllib.parse.quote(secret, safe=""), safe=""),
        secret.replace("/", "\\/"),
    }
    forms = {data} | {text.encode() for text in encoded}
    forms |= {text.lower() for text in forms if b"%" in text}
    for before in range(3):
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            # Of the first and the last three bytes the neighbours decide how they are written.
            whole = code(b"\0" * before + data)
            first, last = (4 if before else 0), len(whole) - (4 if (before + len(data)) % 3 else 0)
            forms.add(whole[first:last])
    return forms


def leaks(name: str, content: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Which secrets stand in an output, each as `name of the secret in name of the output`."""
    parts = [content, *_inside(content)]
    return [
        f"{called} in {name}"
        for called, secret in secrets.items()
        if any(form in part for form in forms_of(secret) for part in parts)
    ]


def leaks_in_folder(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """Which secrets stand in the files below a folder, their names among them."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found += leaks(f"the name {name}", str(path).encode(), secrets)
        if path.is_file():
            found += leaks(name, path.read_bytes(), secrets)
    return found


def _inside(content: bytes) -> Iterator[bytes]:
    """What a packed file says once it is unpacked."""
    if content[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(content))
        yield repr(table.to_pydict()).encode()
        yield repr(table.schema.metadata).encode()
