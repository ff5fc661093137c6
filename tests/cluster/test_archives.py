"""An image that is written without a tool is what OCI says; this needs no cluster."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from tests.cluster.archives import write_image


def test_every_blob_is_where_its_digest_says(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"a static program")
    archive = tmp_path / "image.tar"
    write_image(archive, "localhost/name:tag", {"/bin/run": program}, ["run"], user="8737", folders=["/tmp"])
    with tarfile.open(archive) as blobs:
        files = {member.name: blobs.extractfile(member).read() for member in blobs}  # type: ignore[union-attr]
    [named] = json.loads(files["index.json"])["manifests"]
    assert named["annotations"] == {"io.containerd.image.name": "localhost/name:tag"}

    def blob(described: dict[str, object]) -> bytes:
        data = files["blobs/sha256/" + str(described["digest"]).removeprefix("sha256:")]
        assert described["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert described["size"] == len(data)
        return data

    manifest = json.loads(blob(named))
    configuration = json.loads(blob(manifest["config"]))
    [layer] = map(blob, manifest["layers"])
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert (configuration["config"]["Entrypoint"], configuration["config"]["User"]) == (["run"], "8737")
    with tarfile.open(fileobj=io.BytesIO(layer)) as inside:
        members = [(member.name, member.isdir(), member.mode) for member in inside]
    assert members == [("tmp", True, 0o1777), ("bin/run", False, 0o755)]
