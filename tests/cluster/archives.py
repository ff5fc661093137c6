"""Images from scratch, of static programs alone, as OCI archives that containerd imports."""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MANIFEST, CONFIG, LAYER = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar",
)


def write_image(
    archive: Path,
    name: str,
    programs: dict[str, Path],
    entrypoint: list[str],
    user: str = "",
    folders: Sequence[str] = (),
) -> None:
    """Write an image of some programs.

    Args:
        archive: the file to write.
        name: what the image is called, with its tag.
        programs: path in the image → the static program that will be there.
        entrypoint: what a container of it runs.
        user: number of the user that runs it; root if empty.
        folders: empty folders in the image that every user may write to.
    """
    layer = packed({path: (program.read_bytes(), 0o755) for path, program in programs.items()}, folders)
    configuration = encoded(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": entrypoint, "User": user, "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    )
    manifest = encoded(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(configuration, CONFIG),
            "layers": [descriptor(layer, LAYER)],
        }
    )
    named = descriptor(manifest, MANIFEST) | {"annotations": {"io.containerd.image.name": name}}
    index = encoded({"schemaVersion": 2, "manifests": [named]})
    blobs = {f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}": blob for blob in (layer, configuration, manifest)}
    files = {"oci-layout": encoded({"imageLayoutVersion": "1.0.0"}), "index.json": index, **blobs}
    archive.write_bytes(packed({path: (data, 0o644) for path, data in files.items()}))


def descriptor(blob: bytes, kind: str) -> dict[str, Any]:
    """How OCI names a blob: what it is, its digest and its length."""
    return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob)}


def encoded(content: Any) -> bytes:
    return json.dumps(content).encode()


def packed(files: dict[str, tuple[bytes, int]], folders: Sequence[str] = ()) -> bytes:
    """A tar archive of files: path → content and mode; and of empty folders for everybody."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in folders:
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            archive.addfile(entry)
        for path, (data, mode) in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
