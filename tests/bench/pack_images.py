"""A part of an archive of images and the weights as one folder, small enough to take to a machine with a GPU.

`python -m tests.bench.pack_images --archive eurosat.tar --weights vit.safetensors --images 8000 --out bench-gpu`
"""

import argparse
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

MOST = 64 * 2**20
"""Bytes of the folder."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write `images.tar`, a random part of the archive, and a copy of the weights."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pack_images", description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="tar file of images, one folder a class")
    parser.add_argument("--weights", type=Path, required=True, help="safetensors of the backbone")
    parser.add_argument("--images", type=int, default=8000, help="so many, drawn at random")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    packed, weights = given.out / "images.tar", given.out / "weights.safetensors"
    with tarfile.open(given.archive) as source, tarfile.open(packed, "w") as sink:
        members = sorted((member for member in source if member.isfile()), key=lambda member: member.name)
        for row in np.sort(np.random.default_rng(0).permutation(len(members))[: given.images]):
            sink.addfile(members[row], source.extractfile(members[row]))
    shutil.copyfile(given.weights, weights)
    size = packed.stat().st_size + weights.stat().st_size
    print(f"{given.out}: {min(given.images, len(members))} images and the weights, {size / 2**20:.1f} MiB")
    if size > MOST:
        raise SystemExit(f"{given.out} is larger than {MOST / 2**20:.0f} MiB. Take fewer --images.")


if __name__ == "__main__":
    main()
