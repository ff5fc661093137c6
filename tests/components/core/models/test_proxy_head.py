"""The proxy at inference agrees with torch's layers, and falls into hidden features and a last layer."""

import numpy as np
import pytest
import torch

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.models.head import EPSILON, LinearHead
from labelcycle.components.core.models.heads import ProxyHead, read_head

WIDTH, HIDDEN, CLASSES = 6, 5, 3


@pytest.fixture
def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(WIDTH, HIDDEN),
        torch.nn.BatchNorm1d(HIDDEN, eps=EPSILON),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, CLASSES),
    )
    norm = network[1]
    assert isinstance(norm, torch.nn.BatchNorm1d) and norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            tensor.normal_()
        norm.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture
def head(network: torch.nn.Sequential) -> ProxyHead:
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    return ProxyHead(
        hidden_weight=state["0.weight"],
        hidden_bias=state["0.bias"],
        running_mean=state["1.running_mean"],
        running_var=state["1.running_var"],
        scale=state["1.weight"],
        shift=state["1.bias"],
        weight=state["3.weight"],
        bias=state["3.bias"],
    )


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(20, WIDTH)).astype(np.float16)


def test_it_computes_what_torch_does(network: torch.nn.Sequential, head: ProxyHead, features: np.ndarray) -> None:
    inputs = torch.from_numpy(features.astype(np.float32))
    with torch.no_grad():
        hidden, logits = network[:3](inputs).numpy(), network(inputs)
    assert np.allclose(head.hidden_features(features), hidden, atol=1e-5)
    assert np.allclose(head.logits(features), logits.numpy(), atol=1e-5)
    assert np.allclose(head.probabilities(features), logits.softmax(dim=1).numpy(), atol=1e-5)


def test_the_last_layer_on_hidden_features_is_the_whole(head: ProxyHead, features: np.ndarray) -> None:
    hidden = head.hidden_features(features)
    assert hidden.shape == (20, HIDDEN) and hidden.dtype == np.float32 and hidden.min() == 0
    assert np.allclose(head.last.logits(hidden), head.logits(features), atol=1e-6)


def test_a_stored_head_is_read_as_its_kind(head: ProxyHead, features: np.ndarray) -> None:
    for stored in (head, head.last):
        found = read_head(stored.to_bytes())
        assert type(found) is type(stored)
        assert all(np.array_equal(value, vars(stored)[name]) for name, value in vars(found).items())
    last = head.last
    assert isinstance(last, LinearHead) and last.last is last
    assert last.hidden_features(features) is features


def test_other_files_are_refused(head: ProxyHead) -> None:
    from safetensors.numpy import save

    with pytest.raises(CampaignError, match="not a classification head"):
        read_head(b"no tensors")
    with pytest.raises(CampaignError, match="its tensors are weight. Delete it"):
        read_head(save({"weight": head.weight}))
