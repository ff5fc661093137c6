"""How long a backbone takes on this machine, measured on a few images with random weights: nothing is downloaded."""

import time
from dataclasses import dataclass

import torch

from labelcycle.components.core.backbones.build import create, device
from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.backbones.presets import preset_of
from labelcycle.components.core.runtime.work_ahead import cores, work_ahead

THOUSAND = 1000
LARGEST_BATCH = 64
"""Images a forward pass, as in the stage `embed`."""


@dataclass(frozen=True)
class BackboneTiming:
    """Seconds of forward passes.

    Attributes:
        network: timm's name.
        image_size: pixels a side.
        device: such as `cpu`, or the name of the GPU.
        cores: that worked at once, each on a batch of its own.
        images: how many were measured.
        seconds: for these, by the clock.
    """

    network: str
    image_size: int
    device: str
    cores: int
    images: int
    seconds: float

    @property
    def seconds_for_thousand(self) -> float:
        """Seconds for 1,000 images, if all take as long."""
        return self.seconds * THOUSAND / self.images


def time_backbone(name: str, image_size: int | None = None, about: float = 10.0) -> BackboneTiming:
    """Measure forward passes in float32, in the way in which the stage `embed` makes them.

    Reading and decoding images is not in it.

    Args:
        name: of a preset, or timm's own.
        image_size: pixels a side; None for the preset's, or the model's own.
        about: seconds that measuring may take, once the network is built; at least three images a core are passed.

    Raises:
        ConfigurationError: timm knows no such model, or refuses the image size.

    Cost: memory for the network, and `about` seconds of every core or of the GPU.
    """
    from timm.data import resolve_model_data_config

    preset = preset_of(name)
    network, size = name, image_size
    if preset is not None:
        network, size = preset.network, image_size or preset.image_size
    model = create(network, size).eval().to(device())
    size = size or int(resolve_model_data_config(model)["input_size"][-1])
    on_cpu = device().type == "cpu"
    workers = cores() if on_cpu else 1

    @torch.inference_mode()
    def forward(images: int) -> int:
        model(torch.zeros(images, 3, size, size, device=device()))
        if not on_cpu:
            torch.cuda.synchronize()
        return images

    def measured(batch: int, batches: int) -> tuple[int, float]:
        begun = time.perf_counter()
        images = sum(work_ahead([batch] * batches, forward, workers))
        return images, time.perf_counter() - begun

    with one_core_a_batch():
        measured(1, workers)
        _, of_one = measured(1, workers)
        each = max(1, int(about / of_one))
        batch = min(LARGEST_BATCH, each)
        images, seconds = measured(batch, workers * max(1, min(each // batch, 8)))
    where = "cpu" if on_cpu else torch.cuda.get_device_name()
    return BackboneTiming(network, size, where, workers, images, seconds)
