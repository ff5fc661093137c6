"""The numpy head against torch."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.models.head import LinearHead

WIDTH, CLASSES = 12, 5


@pytest.fixture
def network() -> torch.nn.Sequential:
    """BatchNorm1d and Linear in evaluation mode, with statistics and parameters that all matter."""
    torch.manual_seed(0)
    norm, linear = torch.nn.BatchNorm1d(WIDTH), torch.nn.Linear(WIDTH, CLASSES)
    for tensor in (norm.running_mean, norm.weight.data, norm.bias.data):
        assert tensor is not None
        tensor.normal_()
    assert norm.running_var is not None
    norm.running_var.uniform_(1e-5, 3)
    return torch.nn.Sequential(norm, linear).eval()


@pytest.fixture
def head(network: torch.nn.Sequential) -> LinearHead:
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    return LinearHead(
        running_mean=state["0.running_mean"],
        running_var=state["0.running_var"],
        scale=state["0.weight"],
        shift=state["0.bias"],
        weight=state["1.weight"],
        bias=state["1.bias"],
    )


@pytest.fixture
def features() -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(0).normal(size=(50, WIDTH)).astype(np.float16)


@torch.inference_mode()
def test_logits_are_those_of_torch(network: torch.nn.Sequential, head: LinearHead, features: np.ndarray) -> None:  # type: ignore[type-arg]
    expected = network(torch.from_numpy(features).float()).numpy()
    assert head.logits(features).dtype == np.float32
    np.testing.assert_allclose(head.logits(features), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@torch.inference_mode()
def test_probabilities_are_those_of_torch(
    network: torch.nn.Sequential,
    head: LinearHead,
    features: np.ndarray,  # type: ignore[type-arg]
) -> None:
    expected = network(torch.from_numpy(features).float()).softmax(dim=1).numpy()
    np.testing.assert_allclose(head.probabilities(features), expected, atol=1e-4)


def test_probabilities_are_distributions(head: LinearHead, features: np.ndarray) -> None:  # type: ignore[type-arg]
    probabilities = head.probabilities(features)
    assert probabilities.shape == (50, CLASSES)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_large_logits_do_not_overflow(head: LinearHead) -> None:
    probabilities = head.probabilities(np.full((1, WIDTH), 60_000, np.float16))
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1)


def test_no_rows(head: LinearHead) -> None:
    assert head.probabilities(np.empty((0, WIDTH), np.float16)).shape == (0, CLASSES)


def test_features_are_not_changed(head: LinearHead) -> None:
    features = np.ones((3, WIDTH), np.float32)
    head.probabilities(features)
    assert (features == 1).all()


def test_round_trip(head: LinearHead) -> None:
    data = head.to_bytes()
    found = LinearHead.from_bytes(data)
    assert found.to_bytes() == data
    for name, value in vars(head).items():
        assert np.array_equal(getattr(found, name), value)


@pytest.mark.parametrize(
    "data",
    [b"", b"not safetensors at all", save({"weight": np.zeros((2, 3), np.float32)}), save({"other": np.zeros(3)})],
)
def test_other_content_is_refused(data: bytes) -> None:
    with pytest.raises(CampaignError, match="not a classification head.*train again"):
        LinearHead.from_bytes(data)
