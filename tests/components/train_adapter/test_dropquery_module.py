"""DropQuery's head while it is trained, and the same head at inference."""

import numpy as np
import pytest
import torch

from labelcycle.components.train_adapter.head_modules import DropQueryModule


@pytest.fixture
def module() -> DropQueryModule:
    torch.manual_seed(0)
    made = DropQueryModule(width=5, classes=3, dropout=0.75).train()
    for _ in range(100):
        made(torch.randn(200, 5) + 2)
    return made


def test_inference_in_numpy_is_that_of_torch(module: DropQueryModule) -> None:
    features = torch.randn(7, 5)
    with torch.no_grad():
        expected = module.eval()(features).numpy()
    head = module.export()
    assert np.allclose(head.logits(features.numpy()), expected, atol=1e-5)
    assert (head.scale == 1).all() and (head.shift == 0).all()


def test_dropout_comes_before_normalisation(module: DropQueryModule) -> None:
    """Values 2 ± 1, kept at 1 in 4 and then four times as large: mean 2, variance 4 · (1 + 4) - 4 = 16."""
    assert module.norm.running_mean is not None and module.norm.running_var is not None
    assert torch.allclose(module.norm.running_mean, torch.tensor(2.0), atol=0.4)
    assert torch.allclose(module.norm.running_var, torch.tensor(16.0), rtol=0.15)


def test_normalisation_has_no_parameters(module: DropQueryModule) -> None:
    assert {name for name, _ in module.named_parameters()} == {"linear.weight", "linear.bias"}


def test_loading_an_export_gives_the_same_head(module: DropQueryModule) -> None:
    other = DropQueryModule(width=5, classes=3, dropout=0.75)
    other.load(module.export())
    assert other.export().to_bytes() == module.export().to_bytes()


def test_a_single_sample_can_be_trained_on() -> None:
    logits = DropQueryModule(width=5, classes=3, dropout=0.75).train()(torch.randn(1, 5))
    assert logits.shape == (1, 3) and bool(logits.isfinite().all())
