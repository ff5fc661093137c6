"""Batches in pieces, a core each."""

from contextlib import nullcontext

import pytest
import torch

from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.train_adapter import in_parallel
from labelcycle.components.train_adapter.adapters import add_adapters
from labelcycle.components.train_adapter.in_parallel import PIECE, InParallel


def network(dropout: float) -> torch.nn.Module:
    """One layer with an adapter, and a function that is not linear."""
    torch.manual_seed(0)
    parts = torch.nn.Sequential(torch.nn.Linear(12, 5), torch.nn.Tanh())
    model = torch.nn.Sequential(parts)
    add_adapters(model, LoraTrainer(rank=2, alpha=2, lora_dropout=dropout, target="0"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    return model


def gradients(model: torch.nn.Module, inputs: torch.Tensor) -> list[torch.Tensor]:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return list(torch.autograd.grad((model(inputs) ** 2).sum(), trained))


def test_pieces_give_the_gradients_of_the_whole_batch() -> None:
    model, inputs = network(0.0), torch.randn(3 * PIECE + 1, 12)
    parallel = InParallel(model, nullcontext())
    expected = gradients(model, inputs)
    with parallel.running():
        assert torch.allclose(parallel(inputs), model(inputs))
        found = gradients(parallel, inputs)
    assert all(torch.allclose(one, other, rtol=1e-4) for one, other in zip(found, expected, strict=True))


def test_results_do_not_depend_on_the_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, results = torch.randn(4 * PIECE, 12), []
    for cores in (1, 3):
        monkeypatch.setattr(in_parallel.os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        parallel = InParallel(network(0.5), nullcontext())
        torch.manual_seed(1)
        with parallel.running():
            results.append(gradients(parallel, inputs))
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_each_piece_and_each_batch_has_dropout_of_its_own() -> None:
    parallel = InParallel(network(0.5), nullcontext())
    row = torch.randn(1, 12).expand(2 * PIECE, 12)
    with parallel.running():
        first, second = parallel(row), parallel(row)
    assert not torch.equal(first[:PIECE], first[PIECE:]) and not torch.equal(first, second)


def test_torch_has_its_cores_back_afterwards() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with InParallel(network(0.0), nullcontext()).running():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
