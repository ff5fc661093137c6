"""The head while it is trained, and the same head at inference."""

import numpy as np
import pytest
import torch

from labelcycle.components.train_adapter.head_modules import HeadModule


@pytest.fixture
def head() -> HeadModule:
    """A head whose parameters all differ from their defaults."""
    torch.manual_seed(0)
    made = HeadModule(width=5, classes=3, dropout=0.5)
    made.train()
    for _ in range(3):
        made(torch.randn(16, 5) * 3 + 1)
    with torch.no_grad():
        made.norm.weight.uniform_(0.5, 2)
        made.norm.bias.uniform_(-1, 1)
    return made


def test_inference_in_numpy_is_that_of_torch(head: HeadModule) -> None:
    features = torch.randn(7, 5)
    with torch.no_grad():
        expected = head.eval()(features).numpy()
    assert np.allclose(head.export().logits(features.numpy()), expected, atol=1e-5)


def test_loading_an_export_gives_the_same_head(head: HeadModule) -> None:
    other = HeadModule(width=5, classes=3, dropout=0.5)
    other.load(head.export())
    assert other.export().to_bytes() == head.export().to_bytes()


def test_an_export_is_a_copy(head: HeadModule) -> None:
    exported = head.export().to_bytes()
    kept = head.export()
    head(torch.randn(16, 5))
    with torch.no_grad():
        head.linear.weight.zero_()
    assert kept.to_bytes() == exported


def test_dropout_and_batch_statistics_are_for_training_alone(head: HeadModule) -> None:
    features = torch.randn(16, 5)
    head.train()
    assert not torch.equal(head(features), head(features))
    head.eval()
    assert torch.equal(head(features), head(features))


def test_a_single_sample_is_trained_by_the_running_values(head: HeadModule) -> None:
    head.dropout.p = 0.0
    sample = torch.randn(1, 5)
    mean = head.norm.running_mean.clone()  # type: ignore[union-attr]
    in_training = head.train()(sample)
    in_training.sum().backward()
    assert torch.equal(head.norm.running_mean, mean)  # type: ignore[arg-type]
    assert head.norm.weight.grad is not None
    assert torch.allclose(in_training, head.eval()(sample), atol=1e-6)
