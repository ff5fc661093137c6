"""The proxy while it is trained, and the same at inference."""

import numpy as np
import pytest
import torch

from labelcycle.components.train_adapter.head_modules import ProxyModule


@pytest.fixture
def module() -> ProxyModule:
    torch.manual_seed(0)
    made = ProxyModule(width=5, classes=3, hidden=4).train()
    for _ in range(3):
        made(torch.randn(16, 5) * 3 + 1)
    with torch.no_grad():
        made.norm.weight.uniform_(0.5, 2)
        made.norm.bias.uniform_(-1, 1)
    return made


def test_inference_in_numpy_is_that_of_torch(module: ProxyModule) -> None:
    features = torch.randn(7, 5)
    with torch.no_grad():
        expected = module.eval()(features).numpy()
    assert np.allclose(module.export().logits(features.numpy()), expected, atol=1e-5)


def test_loading_an_export_gives_the_same_head(module: ProxyModule) -> None:
    other = ProxyModule(width=5, classes=3, hidden=4)
    other.load(module.export())
    assert other.export().to_bytes() == module.export().to_bytes()


def test_it_is_not_linear(module: ProxyModule) -> None:
    features = torch.randn(9, 5)
    with torch.no_grad():
        sums = module.eval()(features) + module(-features)
    assert not torch.allclose(sums, sums[:1].expand_as(sums), atol=1e-2)


def test_a_single_sample_can_be_trained_on() -> None:
    logits = ProxyModule(width=5, classes=3, hidden=4).train()(torch.randn(1, 5))
    assert logits.shape == (1, 3) and bool(logits.isfinite().all())
