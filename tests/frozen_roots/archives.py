"""Objects by key, in an archive and out of it. The same objects make the same archive."""

import io
import tarfile
from pathlib import Path

from safetensors.torch import load_file, save

from labelcycle.components.core.backbones.embedded.model import WEIGHTS_FILE
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.storage import Store

FOLDER = Path(__file__).parent
INPUTS = FOLDER / "inputs.tar.xz"
"""What the roots on images read from outside of them, by key of the bucket `BUCKET`."""

BUCKET = "labelcycle-frozen"


def archives() -> list[Path]:
    """Every frozen root, of each version."""
    return sorted(FOLDER.glob("*/*.tar.xz"))


def pack(objects: dict[str, bytes], archive: Path) -> None:
    """Write an archive of objects; weights that the package carries are left out, and their names are kept."""
    packaged = digest_of_bytes(_packaged_weights())
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9, format=tarfile.PAX_FORMAT) as target:
        for key in sorted(objects):
            member = tarfile.TarInfo(key)
            data = objects[key]
            if digest_of_bytes(data) == packaged:
                member.type, member.linkname = tarfile.SYMTYPE, WEIGHTS_FILE.name
                target.addfile(member)
            else:
                member.size = len(data)
                target.addfile(member, io.BytesIO(data))


def unpack(archive: Path) -> dict[str, bytes]:
    """The objects of an archive, by key; the package's weights are put in again.

    Raises:
        AssertionError: the package carries other weights than those that a root was made with.
    """
    objects = {}
    with tarfile.open(archive, "r:xz") as source:
        for member in source:
            if member.issym():
                weights = _packaged_weights()
                assert digest_of_bytes(weights) in member.name, f"the package has other weights than {member.name}"
                objects[member.name] = weights
            else:
                content = source.extractfile(member)
                assert content is not None, member.name
                objects[member.name] = content.read()
    return objects


def read_all(store: Store) -> dict[str, bytes]:
    """Every object of a store, by key."""
    return {key: store.read(key) for key in store.keys("")}


def write_all(store: Store, objects: dict[str, bytes]) -> None:
    """Put objects into a store, whose keys are the paths in a folder and the names in a bucket alike."""
    for key, data in objects.items():
        store.write(key, data)


def _packaged_weights() -> bytes:
    """The packaged backbone's weights as `labelcycle init` writes them into a root: in float32."""
    return save({name: tensor.float() for name, tensor in load_file(WEIGHTS_FILE).items()})
