"""LoRA adapters of peft on a backbone: which layers get one, and their files.

peft takes seconds to import, so only what puts adapters on does.
"""

import copy
import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.train_adapter.head_modules import Dropout
from labelcycle.components.train_adapter.vision_transformer import has_numbered_blocks

if TYPE_CHECKING:
    from peft import PeftModel

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
ADAPTER = "default"
"""The name that peft gives an adapter within a model."""


def first_block(model: torch.nn.Module, trainer: LoraTrainer) -> int:
    """The number of the first block that gets adapters, from 0.

    Raises:
        ConfigurationError: `last:K` of a network that is no vision transformer of timm, or of fewer than K blocks.
    """
    if trainer.blocks == "all":
        return 0
    count = int(trainer.blocks.removeprefix("last:"))
    if not has_numbered_blocks(model):
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
        return rf".*\.(?:{trainer.target})"
    numbers = "|".join(str(number) for number in range(first, len(model.blocks)))  # type: ignore[arg-type]
    return rf"blocks\.({numbers})\..*\.(?:{trainer.target})"


def add_adapters(model: torch.nn.Module, trainer: LoraTrainer) -> "PeftModel":
    """Freeze the backbone and put fresh adapters on its linear layers, in place.

    Returns the backbone within peft's model, which adapters are loaded into and saved from.

    Raises:
        ConfigurationError: there is no such layer.
    """
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import LoraLayer

    wanted = re.compile(targets(model, trainer))
    names = [
        name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear) and wanted.fullmatch(name)
    ]
    if not names:
        raise ConfigurationError(
            f"The backbone has no linear layer named {trainer.target!r} for the adapter. Correct trainer.target, a "
            "regular expression over the last part of the names."
        )
    config = LoraConfig(
        r=trainer.rank,
        lora_alpha=trainer.alpha,
        lora_dropout=trainer.lora_dropout,
        target_modules="|".join(re.escape(name) for name in names),
    )
    adapted: PeftModel = get_peft_model(model, config)
    for layer in model.modules():
        if isinstance(layer, LoraLayer):  # torch's dropout cannot draw from a generator of the thread's own
            layer.lora_dropout[ADAPTER] = Dropout(trainer.lora_dropout)
    return adapted


def load_adapters(adapted: "PeftModel", data: bytes) -> None:
    """Take over the adapters in a file of peft's.

    Raises:
        ConfigurationError: they are of other layers or another rank.
    """
    from peft import set_peft_model_state_dict

    tensors = load_tensors(data)
    if _shapes(tensors) != _shapes(_tensors(adapted)):
        raise ConfigurationError(
            "The last cycle's adapter has other layers or another rank than this one's. Set schedule.warm_start=false."
        )
    set_peft_model_state_dict(adapted, tensors)


def adapter_files(adapted: "PeftModel") -> dict[str, bytes]:
    """The adapters as peft reads them, the JSON in one order so that equal adapters have equal bytes."""
    config = copy.copy(adapted.peft_config[ADAPTER])
    config.inference_mode = True
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        settings = json.loads((Path(folder) / CONFIG).read_text())
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(adapted).items()}
    return {CONFIG: canonical_json(settings), TENSORS: save_tensors(tensors)}


def _tensors(adapted: "PeftModel") -> dict[str, torch.Tensor]:
    """The adapters' matrices by the names that peft gives them."""
    from peft import get_peft_model_state_dict

    found: dict[str, torch.Tensor] = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    return found


def _shapes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}
