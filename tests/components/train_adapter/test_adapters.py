"""Adapters of peft on a network: what they compute in training, and their files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load

from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.train_adapter.adapters import adapter_files, add_adapters, first_block, load_adapters
from labelcycle.components.train_adapter.head_modules import noise
from labelcycle.components.train_adapter.lora import cut


class Network(torch.nn.Module):
    """Two blocks of a linear layer each."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.ModuleDict({"qkv": torch.nn.Linear(6, 6)}) for _ in range(2)])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            inputs = block["qkv"](inputs)  # type: ignore[index]
        return inputs


def network(**settings: Any) -> tuple[Network, Any]:
    """A network, and itself as peft wraps it, whose adapters are not zero."""
    torch.manual_seed(0)
    model = Network()
    adapted = add_adapters(model, LoraTrainer(rank=2, alpha=6, **settings))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    return model, adapted


def test_adapters_alone_are_trained_and_begin_at_the_network() -> None:
    torch.manual_seed(0)
    model = Network()
    inputs = torch.randn(4, 6)
    before = model(inputs)
    add_adapters(model, LoraTrainer(rank=2))
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert len(trained) == 4 and all("lora_" in name for name in trained)
    assert torch.equal(model.eval()(inputs), before)


def test_outputs_and_gradients_under_dropout_are_those_of_the_formula() -> None:
    model, _ = network(lora_dropout=0.5)
    layer: Any = model.blocks[0]["qkv"]  # type: ignore[index]
    inputs = torch.randn(5, 6, requires_grad=True)
    token = noise.set(torch.Generator().manual_seed(1))
    output = layer.train()(inputs)
    noise.set(torch.Generator().manual_seed(1))
    dropped = layer.lora_dropout["default"](inputs)
    noise.reset(token)
    low, high, base = layer.lora_A["default"].weight, layer.lora_B["default"].weight, layer.base_layer
    expected = inputs @ base.weight.T + base.bias + 3 * dropped @ low.T @ high.T
    assert (dropped == 0).any() and torch.allclose(output, expected, atol=1e-5)
    for found, wanted in zip(
        torch.autograd.grad((output**2).sum(), (inputs, low, high)),
        torch.autograd.grad((expected**2).sum(), (inputs, low, high)),
        strict=True,
    ):
        assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-3)


def test_dropout_is_for_training_alone() -> None:
    model, _ = network(lora_dropout=0.5)
    inputs = torch.randn(16, 6)
    assert not torch.equal(model.train()(inputs), model(inputs))
    model.eval()
    assert torch.equal(model(inputs), model(inputs))


def test_bfloat16_products_leave_float32_matrices() -> None:
    model, _ = network(lora_dropout=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model.train()(torch.randn(4, 6))
    assert output.dtype == torch.bfloat16
    output.float().sum().backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    assert all(gradient is not None and gradient.dtype == torch.float32 for gradient in gradients)


def test_peft_reads_the_files(tmp_path: Path) -> None:
    model, adapted = network(lora_dropout=0.25)
    for name, data in adapter_files(adapted).items():
        (tmp_path / name).write_bytes(data)
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"], settings["lora_dropout"]) == (2, 6, 0.25)
    assert settings["inference_mode"] and not adapted.peft_config["default"].inference_mode
    torch.manual_seed(0)
    theirs = PeftModel.from_pretrained(Network(), str(tmp_path)).eval()
    inputs = torch.randn(4, 6)
    assert torch.equal(theirs(inputs), model.eval()(inputs))


def test_loading_takes_over_what_was_saved() -> None:
    model, adapted = network()
    data = adapter_files(adapted)["adapter_model.safetensors"]
    assert set(load(data)) == {
        f"base_model.model.blocks.{block}.qkv.lora_{matrix}.weight" for block in (0, 1) for matrix in "AB"
    }
    torch.manual_seed(0)
    other = Network()
    again = add_adapters(other, LoraTrainer(rank=2, alpha=6))
    load_adapters(again, data)
    inputs = torch.randn(4, 6)
    assert torch.equal(other.eval()(inputs), model.eval()(inputs))
    assert all(parameter.requires_grad for name, parameter in other.named_parameters() if "lora_" in name)
    with pytest.raises(ConfigurationError, match="has other layers or another rank"):
        load_adapters(add_adapters(Network(), LoraTrainer(rank=3)), data)


def test_no_dropout_is_torchs_own() -> None:
    model, _ = network(lora_dropout=0.5)
    layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
    assert len(layers) == 2 and not any(isinstance(part, torch.nn.Dropout) for part in model.modules())


def test_peft_is_imported_where_adapters_are_added_alone() -> None:
    script = (
        "import sys; import labelcycle.components.train_adapter.lora, labelcycle.components.train_adapter.fine_tuning; "
        "print('torch' in sys.modules, 'peft' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "True False\n"


def test_query_key_and_value_may_be_layers_of_their_own() -> None:
    """EVA02 of timm: three layers and three adapters, told apart from all others by a regular expression."""
    sizes = {"num_classes": 0, "depth": 2, "embed_dim": 24, "num_heads": 2, "img_size": 28}
    model = timm.create_model("eva02_base_patch14_224", **sizes)
    with pytest.raises(ConfigurationError, match="no linear layer named 'qkv'"):
        add_adapters(model, LoraTrainer())
    add_adapters(model, LoraTrainer(rank=2, target="[qkv]_proj|none"))
    adapted = {name for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}
    assert adapted == {f"blocks.{block}.attn.{part}_proj" for block in (0, 1) for part in "qkv"}
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert trained == 6 * 2 * (24 + 24)
    assert model(torch.zeros(1, 3, 28, 28)).shape == (1, 24)


def test_the_last_blocks_of_eva02_are_found_and_it_stays_whole() -> None:
    sizes = {"num_classes": 0, "depth": 3, "embed_dim": 24, "num_heads": 2, "img_size": 28}
    model = timm.create_model("eva02_base_patch14_224", **sizes)
    trainer = LoraTrainer(rank=2, target="[qkv]_proj", blocks="last:2")
    add_adapters(model, trainer)
    adapted = {name for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}
    assert adapted == {f"blocks.{block}.attn.{part}_proj" for block in (1, 2) for part in "qkv"}
    parts = cut(model, first_block(model, trainer))
    assert parts.frozen is None and parts.trained is model
    model(torch.randn(2, 3, 28, 28)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)
    with pytest.raises(ConfigurationError, match="asks for more blocks than the backbone's 3"):
        first_block(model, LoraTrainer(target="[qkv]_proj", blocks="last:4"))
