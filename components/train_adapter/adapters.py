"""LoRA adapters on a backbone: which layers get one, and their files in peft's format."""

import json
import re
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.train_adapter.low_rank import LowRankLinear
from labelcycle.components.train_adapter.vision_transformer import is_plain

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
"""What peft puts before the names of a network's layers."""


def first_block(model: torch.nn.Module, trainer: LoraTrainer) -> int:
    """The number of the first block that gets adapters, from 0.

    Raises:
        ConfigurationError: `last:K` of a network that is no vision transformer of timm, or of fewer than K blocks.
    """
    if trainer.blocks == "all":
        return 0
    count = int(trainer.blocks.removeprefix("last:"))
    if not is_plain(model):
        raise ConfigurationError(
            f"trainer.blocks={trainer.blocks!r} is for vision transformers of timm, and this backbone is a "
            f"{type(model).__name__}. Set trainer.blocks=all."
        )
    depth = len(model.blocks)  # type: ignore[arg-type]
    if count > depth:
        raise ConfigurationError(
            f"trainer.blocks={trainer.blocks!r} asks for more blocks than the backbone's {depth}. Choose up to "
            f"last:{depth}, or all."
        )
    return depth - count


def targets(model: torch.nn.Module, trainer: LoraTrainer) -> str:
    """The layers that get adapters, as a regular expression over the whole of their names."""
    first = first_block(model, trainer)
    if first == 0:
        return rf".*\.{trainer.target}"
    numbers = "|".join(str(number) for number in range(first, len(model.blocks)))  # type: ignore[arg-type]
    return rf"blocks\.({numbers})\..*\.{trainer.target}"


def add_adapters(model: torch.nn.Module, trainer: LoraTrainer) -> list[str]:
    """Freeze the backbone and put fresh adapters on its linear layers. Returns the names of these layers.

    Raises:
        ConfigurationError: there is no such layer.
    """
    model.requires_grad_(False)
    wanted = re.compile(targets(model, trainer))
    names = [
        name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear) and wanted.fullmatch(name)
    ]
    if not names:
        raise ConfigurationError(
            f"The backbone has no linear layer named {trainer.target!r} for the adapter. Correct trainer.target."
        )
    for name in names:
        parent, _, last = name.rpartition(".")
        layer = model.get_submodule(name)
        assert isinstance(layer, torch.nn.Linear)
        adapted = LowRankLinear(layer, trainer.rank, trainer.alpha, trainer.lora_dropout)
        setattr(model.get_submodule(parent), last, adapted)
    return names


def load_adapters(model: torch.nn.Module, names: list[str], data: bytes) -> None:
    """Take over the adapters in a file of peft's.

    Raises:
        ConfigurationError: they are of other layers or another rank.
    """
    tensors = load_tensors(data)
    own = _tensors(model, names)
    if {name: tensor.shape for name, tensor in own.items()} != {name: tensor.shape for name, tensor in tensors.items()}:
        raise ConfigurationError(
            "The last cycle's adapter is of other layers or another rank than this one's. "
            "Set schedule.warm_start=false."
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def adapter_files(model: torch.nn.Module, names: list[str], trainer: LoraTrainer) -> dict[str, bytes]:
    """The adapters as peft reads them, the JSON in one order so that equal adapters have equal bytes."""
    from peft import LoraConfig

    config = LoraConfig(
        r=trainer.rank,
        lora_alpha=trainer.alpha,
        lora_dropout=trainer.lora_dropout,
        target_modules="|".join(re.escape(name) for name in names),
        inference_mode=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        settings = json.loads((Path(folder) / CONFIG).read_text())
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(model, names).items()}
    return {CONFIG: canonical_json(settings), TENSORS: save_tensors(tensors)}


def _tensors(model: torch.nn.Module, names: list[str]) -> dict[str, torch.Tensor]:
    """The adapters' matrices by the names that peft gives them."""
    found: dict[str, torch.Tensor] = {}
    for name in names:
        layer = model.get_submodule(name)
        assert isinstance(layer, LowRankLinear)
        found[f"{PREFIX}{name}.lora_A.weight"] = layer.lora_A
        found[f"{PREFIX}{name}.lora_B.weight"] = layer.lora_B
    return found
