"""The options that all benches of methods share."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.methods.images import unpack


@dataclass(frozen=True)
class Options:
    """What a bench runs on.

    Attributes:
        archive: tar file of images, one folder a class.
        weights: safetensors of the backbone.
        backbone: its timm name.
        image_size: pixels a side that it is given.
        pool, test: numbers of images.
        batch, cycles: labels a cycle, and cycles.
        seeds: repetitions.
        cores: campaigns at once.
        out: folder for images and campaigns.
    """

    archive: Path
    weights: Path
    backbone: str
    image_size: int
    pool: int
    test: int
    batch: int
    cycles: int
    seeds: int
    cores: int
    out: Path

    @property
    def labels(self) -> list[int]:
        """Labels at each cycle."""
        return [self.batch * cycle for cycle in range(1, self.cycles + 1)]

    def begin(self) -> dict[str, Any]:
        """The settings of every campaign; the weights want mean and deviation 0.5."""
        images = unpack(self.archive, self.out / f"images-{self.pool}-{self.test}", self.pool, self.test, seed=0)
        return {
            "images": str(images.folder),
            "labels_from": str(images.labels),
            "test": str(images.test),
            "backbone": self.backbone,
            "weights": str(self.weights),
            "image_size": self.image_size,
            "crop_share": 1.0,
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "budget": self.batch * self.cycles,
            "batch": self.batch,
        }


def read_options(description: str, **defaults: int) -> Options:
    """The command line's options, with a bench's own sizes as defaults."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True, help="tar file of images, one folder a class")
    parser.add_argument("--weights", type=Path, required=True, help="safetensors of the backbone")
    parser.add_argument("--backbone", default="vit_tiny_patch16_224")
    parser.add_argument("--image-size", type=int, default=64)
    for name in ("pool", "test", "batch", "cycles", "seeds"):
        parser.add_argument(f"--{name}", type=int, default=defaults[name])
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=Path("bench-methods"))
    return Options(**vars(parser.parse_args()))


def settings_line(options: Options, module: str) -> str:
    """The command that made the tables, and what it ran on."""
    sizes = " ".join(f"--{name} {getattr(options, name)}" for name in ("pool", "test", "batch", "cycles", "seeds"))
    return (
        f"`python -m tests.bench.methods.{module} --archive {options.archive.name} --weights {options.weights.name} "
        f"--image-size {options.image_size} {sizes}`\n\n"
        f"{options.pool} images to choose from and {options.test} to test with, drawn with seed 0; {options.backbone} "
        f"at {options.image_size} pixels; seeds 0 to {options.seeds - 1}."
    )
