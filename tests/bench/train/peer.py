"""The plain loop that a user of peft and timm writes, as the thing to compare with.

timm makes the network, peft puts LoRA on the same layers with the same settings; a head of batch normalisation,
dropout and a linear layer follows. Each epoch a DataLoader with as many worker processes as there are cores, which stay
between epochs, opens, decodes, resizes and normalises the images by timm's own evaluation transform. Adam steps on what
requires gradients. torch uses as many threads as there are cores. bfloat16 is `torch.autocast` around the forward pass.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from PIL import Image
from safetensors.torch import load_file
from timm.data import create_transform

from labelcycle.components.core.backbones.build import create, device
from labelcycle.components.core.campaign.campaign import Precision, Transform
from labelcycle.components.core.config.trainers import LoraTrainer


@dataclass(frozen=True)
class Start:
    """What both begin with: the backbone's weights, fresh adapters in peft's format, a head's state, the precision."""

    backbone: str
    weights: Path
    transform: Transform
    adapter: Path
    head: dict[str, torch.Tensor]
    precision: Precision


class Images(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Files and their classes, read each time that they are asked for."""

    def __init__(self, files: Sequence[Path], targets: Sequence[int], transform: Transform) -> None:
        self._files, self._targets = files, targets
        self._transform: Any = create_transform(
            input_size=(3, transform.image_size, transform.image_size),
            interpolation=transform.interpolation,
            crop_pct=transform.crop_share,
            mean=transform.mean,
            std=transform.std,
        )

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self._files[index]) as image:
            return self._transform(image.convert("RGB")), self._targets[index]


class Order(torch.utils.data.Sampler[list[int]]):
    """Batches in the order in which labelcycle takes them, so that losses can be compared."""

    def __init__(self, rows: int, batch_size: int, seed: int) -> None:
        self._rows, self._size = rows, batch_size
        self._generator = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Any:
        for batch in torch.randperm(self._rows, generator=self._generator).split(self._size):
            yield batch.tolist()

    def __len__(self) -> int:
        return -(-self._rows // self._size)


def train(
    start: Start, files: Sequence[Path], targets: Sequence[int], trainer: LoraTrainer, classes: int, seed: int
) -> float:
    """Train adapters and head. Returns the mean loss of the last epoch."""
    model = create(start.backbone, start.transform.image_size)
    model.load_state_dict(load_file(start.weights))
    adapted: Any = PeftModel.from_pretrained(model, str(start.adapter), is_trainable=True)
    width = start.head["linear.weight"].shape[1]
    head = torch.nn.Sequential(
        torch.nn.BatchNorm1d(width), torch.nn.Dropout(trainer.dropout), torch.nn.Linear(width, classes)
    )
    head[0].load_state_dict({name[5:]: value for name, value in start.head.items() if name.startswith("norm.")})
    head[2].load_state_dict({name[7:]: value for name, value in start.head.items() if name.startswith("linear.")})
    network = torch.nn.Sequential(adapted, head).to(device())
    loader = torch.utils.data.DataLoader(
        Images(files, targets, start.transform),
        batch_sampler=Order(len(files), trainer.batch_size or len(files), seed),
        num_workers=len(os.sched_getaffinity(0)),
        persistent_workers=True,
    )
    optimiser = torch.optim.Adam(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=trainer.learning_rate,
        weight_decay=trainer.weight_decay,
    )
    loss_of_epoch = 0.0
    for _ in range(trainer.epochs):
        network.train()
        loss_of_epoch = 0.0
        for images, wanted in loader:
            with torch.autocast(device().type, dtype=torch.bfloat16, enabled=start.precision == "bfloat16"):
                logits = network(images.to(device()))
            loss = torch.nn.functional.cross_entropy(logits.float(), wanted.to(device()))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss_of_epoch += loss.item() * len(wanted) / len(files)
    return loss_of_epoch
